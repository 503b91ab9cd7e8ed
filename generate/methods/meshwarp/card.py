"""Card of `meshwarp`: what it takes, what may be turned, under which terms."""

from ...method import Card, Control, Licences

CARD = Card(
    name="meshwarp",
    title="meshwarp",
    paper="ours: a face mesh, warped by motion learned from a few minutes of tracked video",
    summary="One photo and a voice, no download, faster than real time on a CPU.",
    drives=("speech", "video"),
    controls=(
        Control("head_motion", 1.0, "how much the head moves; 0 holds it still", 0, 2),
        Control("blink", 1.0, "how often the eyes blink", 0, 2),
        Control("gaze", 1.0, "how much the eyes wander", 0, 2),
        Control("mouth", 1.0, "how far the mouth opens", 0, 2),
        Control(
            "emotion",
            "neutral",
            "expression laid over the speech",
            choices=("neutral", "happy", "sad", "angry", "surprised"),
        ),
        Control("level", 0.6, "strength of the emotion", 0, 1),
    ),
    licences=Licences(
        code="Apache-2.0",
        weights="Apache-2.0",
        data="CC BY, CC BY-SA, public domain, public addresses of office holders; listed in the weight record",
    ),
    weights=("meshwarp",),
    measured={
        "speed": "2.1 × real time at 512×512 and 25 fps on two CPU cores, sealed (benchmarks/speed.py)",
        "memory": "930 MiB at the peak for 10 s, 951 MiB for 10 min (benchmarks/speed.py)",
        "lips": "AUC of p, b, m against open vowels 0.97; 0.62 with the voice shifted (benchmarks/lipsync.py)",
    },
    presets={
        "calm": {"head_motion": 0.5, "gaze": 0.6},
        "lively": {"head_motion": 1.4, "mouth": 1.15, "emotion": "happy", "level": 0.4},
    },
)
