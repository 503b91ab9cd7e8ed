"""Card of AniTalker."""

from ...method import Card, Control, Licences

CARD = Card(
    name="anitalker",
    title="AniTalker",
    paper="Liu et al., AniTalker, ACM MM 2024 (arXiv 2405.03121)",
    summary="Motion that does not know whose face moves, written from sound by diffusion; other seeds, other moves.",
    drives=("speech", "video"),
    controls=(
        Control("yaw", "free", "head turned, degrees to the picture's right", -45, 45, words=("free",)),
        Control("pitch", "free", "head bowed, degrees down", -45, 45, words=("free",)),
        Control("roll", "free", "head tilted, degrees clockwise", -45, 45, words=("free",)),
        Control("location", "free", "where across the crop the face stands", 0, 1, words=("free",)),
        Control("scale", "free", "height of the face in the crop", 0, 1, words=("free",)),
        Control("steps", 50, "diffusion steps; more is slower and finer", 5, 500),
    ),
    licences=Licences(code="Apache-2.0", weights="see the weight record", data="see the weight record"),
    weights=("anitalker",),
)
