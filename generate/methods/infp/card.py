"""Card of INFP."""

from ...method import Card, Control, Licences

CARD = Card(
    name="infp",
    title="INFP",
    paper="Zhu et al., INFP, CVPR 2025 (arXiv 2412.04037)",
    summary="Speaks and listens: from two voices of a conversation it finds out by itself which.",
    drives=("speech", "dialogue", "video"),
    controls=(
        Control("guidance", 1.5, "how strongly the voices are followed; 1 for no more than learned", 1, 6),
        Control("continuity", 1.0, "how strongly the frames before are continued", 0, 3),
        Control("steps", 20, "diffusion steps; more is slower and finer", 5, 500),
    ),
    licences=Licences(code="Apache-2.0", weights="see the weight record", data="see the weight record"),
    weights=("infp",),
    styles=True,
)
