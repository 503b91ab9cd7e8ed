"""Card of Make-Your-Anchor."""

from ...method import Card, Control, Licences

CARD = Card(
    name="makeyouranchor",
    title="Make-Your-Anchor",
    paper="Huang et al., Make-Your-Anchor, CVPR 2024 (arXiv 2403.16510)",
    summary="A person down to the hips, moved by renders of a body mesh; learned from a minute of that person.",
    drives=("renders",),
    controls=(
        Control("steps", 20, "diffusion steps; more is slower and finer", 2, 100),
        Control("guidance", 7.5, "how strongly the body leans on the picture", 1, 15),
        Control("control", 2.0, "how strongly the body leans on the mesh", 0, 4),
        Control("head_guidance", 3.5, "how strongly the head leans on the picture", 1, 15),
        Control("window", 16, "frames that are drawn together", 8, 64),
        Control("overlap", 4, "frames that neighbouring windows share", 0, 7),
    ),
    licences=Licences(code="Apache-2.0", weights="see the weight record", data="see the weight record"),
    weights=("makeyouranchor-official",),
    fps=30,
)
