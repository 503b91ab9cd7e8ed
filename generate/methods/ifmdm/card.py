"""Card of IF-MDM."""

from ...method import Card, Control, Licences

CARD = Card(
    name="ifmdm",
    title="IF-MDM",
    paper="Yang et al., IF-MDM (arXiv 2412.04000)",
    summary="A diffusion transformer writes squashed motion codes and is told how much to move.",
    drives=("speech", "video"),
    controls=(
        Control("amplitude", 1.0, "how much face and head move", 0, 2),
        Control("guidance", 2.0, "how strongly the sound is followed; 1 for no more than learned", 1, 6),
        Control(
            "rest",
            "portrait",
            "resting pose: the portrait's own, or that of the training data",
            choices=("portrait", "average"),
        ),
        Control("steps", 50, "diffusion steps; more is slower and finer", 5, 500),
    ),
    licences=Licences(code="Apache-2.0", weights="see the weight record", data="see the weight record"),
    weights=("ifmdm",),
)
