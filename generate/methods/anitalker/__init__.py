"""AniTalker: identity-free motion codes, drawn by diffusion."""
