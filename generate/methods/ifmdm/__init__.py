"""IF-MDM: implicit motion, drawn by a diffusion transformer with an amplitude knob."""
