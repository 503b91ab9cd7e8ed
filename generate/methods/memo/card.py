"""Card of MEMO."""

from ...method import Card, Control, Licences

PUBLISHED = "memo-official"  # the name that published weights are imported under
NAMES = ("neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted", "contempt")


def _guidance(name: str, of: str) -> Control:
    return Control(f"guidance_{name}", "same", f"the same for {of} alone", 0, 10, words=("same",))


CARD = Card(
    name="memo",
    title="MEMO",
    paper="Zheng et al., MEMO, 2024 (arXiv 2412.04448)",
    summary="A talking head drawn by latent diffusion, clip after clip, with a memory of the frames before.",
    drives=("speech", "lipsync"),
    controls=(
        Control(
            "emotion", "auto", "by name or number; auto: as heard, where the weights can hear it", 0, 8,
            words=("auto", "none", *NAMES),
        ),
        Control("level", 1.0, "strength of the emotion", 0, 2),
        Control("guidance", 3.5, "how strongly it leans on face, sound and emotion", 1, 10),
        _guidance("image", "the face"),
        _guidance("audio", "the sound"),
        _guidance("emotion", "the emotion"),
        Control("steps", 20, "steps from noise to picture; more is slower and finer", 1, 100),
        Control("precision", "float32", "of the diffusion", choices=("float32", "bfloat16")),
        Control("max_memory", 0.0, "GB on the device; slower, and nearly the same pixels; 0: no bound", 0, 1000),
    ),
    licences=Licences(code="Apache-2.0", weights="see the weight record", data="see the weight record"),
    weights=(PUBLISHED,),
    fps=30,
)  # fmt: skip
