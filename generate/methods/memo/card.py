"""Card of MEMO."""

from ...method import Card, Control, Licences

CARD = Card(
    name="memo",
    title="MEMO",
    paper="Zheng et al., MEMO, 2024 (arXiv 2412.04448)",
    summary="A talking head drawn by latent diffusion, clip after clip, with a memory of the frames before.",
    drives=("speech",),
    controls=(
        Control("emotion", "none", "class of emotion; the published weights do not name them", 0, 8, words=("none",)),
        Control("guidance", 3.5, "how strongly it leans on face, sound and emotion", 1, 10),
        Control("steps", 20, "steps from noise to picture; more is slower and finer", 1, 100),
    ),
    licences=Licences(code="Apache-2.0", weights="see the weight record", data="see the weight record"),
    weights=("memo-official",),
    fps=30,
)
