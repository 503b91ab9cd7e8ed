"""Labels that laws ask for: visible for the first two seconds, in the file's tags, and audible where wanted.

They come before the mark and the signature, so both cover them. What each preset answers to, and what remains the
user's duty, is in docs/how-to/labels.md.

    eu          Regulation (EU) 2024/1689, Article 50(4): "AI" and a text in one of its languages
    california  SB 942 (Business and Professions Code § 22757.3): provider, system, version, time and id in the tags
    china       GB 45438-2025: text of at least 5 % of the short side, the tag `AIGC`, Morse "AI" as the audible cue
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..core.errors import UsageError
from ..core.version import VERSION

if TYPE_CHECKING:
    import numpy as np

PRESETS = ("eu", "california", "china")
SECONDS = 2  # of the visible label
HEIGHT = 0.06  # of a letter, of the short side; GB 45438-2025 asks for 0.05
TEXTS = {
    "en": "AI-generated",
    "de": "KI-generiert",
    "fr": "Contenu produit par IA",
    "es": "Generado con IA",
    "it": "Generato con IA",
    "pt": "Gerado por IA",
    "nl": "AI-gegenereerd",
    "sv": "AI-genererad",
    "da": "AI-genereret",
    "zh": "AI生成",
}
LANGUAGES = {"eu": tuple(name for name in TEXTS if name != "zh"), "california": ("en", "es", "zh"), "china": ("zh",)}
MORSE = ".- .."  # "AI": short long, short short
_UNIT, _PITCH, _LOUDNESS, _LEAD = 0.08, 880.0, 0.25, 0.1  # seconds of a dot, Hz, peak, seconds before it


@dataclass(frozen=True)
class Label:
    """What is put on a video before it is marked.

    Attributes:
        preset: one of `PRESETS`.
        language: one of `LANGUAGES[preset]`; its first by default.
        provider: who provides the system or the service, as the tags shall name them; needed but for "eu".
        cue: begin the sound with "AI" in Morse.
    """

    preset: str
    language: str = ""
    provider: str = ""
    cue: bool = False

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UsageError("usage", f"There is no label {self.preset!r}.", f"There are: {', '.join(PRESETS)}.")
        known = LANGUAGES[self.preset]
        if self.language and self.language not in known:
            raise UsageError(
                "usage", f"{self.preset} has no text in {self.language!r}.", f"It has: {', '.join(known)}."
            )
        if self.preset != "eu" and not self.provider:
            raise UsageError("usage", f"The label {self.preset} must name a provider.", "Add --label-provider NAME.")
        if len(self.provider) > 200 or not self.provider.isprintable():
            raise UsageError("usage", "A provider's name is at most 200 printable characters.", "")
        object.__setattr__(self, "language", self.language or known[0])

    @property
    def text(self) -> str:
        return TEXTS[self.language]

    def to_dict(self) -> dict[str, Any]:
        """JSON-friendly; `Label(**it)` is the same label."""
        return asdict(self)

    def drawn(self, chunks: Iterable[np.ndarray], fps: Fraction | float) -> Iterator[np.ndarray]:
        """The chunks, uint8 RGB (T, H, W, 3), labelled before `SECONDS`; the same however chunked."""
        from .lettering import Plate

        plate, index, last = None, 0, math.ceil(SECONDS * Fraction(fps).limit_denominator(1001))
        for frames in chunks:
            labelled = min(len(frames), last - index)
            if labelled > 0:
                plate = plate or Plate(self.text, frames.shape[2], frames.shape[1], HEIGHT)
                frames = plate.on(frames, labelled)
            index += len(frames)
            yield frames

    def sounding(self, blocks: Iterable[np.ndarray] | None, rate: int) -> Iterator[np.ndarray]:
        """The blocks, mono float32 (n,), with the cue in place of what is under it; silence behind it if None."""
        import numpy as np

        cue = _morse(rate)
        blocks = blocks if blocks is not None else itertools.repeat(np.zeros(rate, np.float32))
        at = 0
        for block in blocks:
            if at < len(cue):
                under = block.copy()
                part = cue[at : at + len(block)]
                under[: len(part)] = part
                at += len(block)
                block = under
            yield block

    def tags(self, record_id: str, created: datetime) -> dict[str, str]:
        """Tags of the file; the signature covers them."""
        if self.preset == "eu":
            return {"comment": self.text}
        if self.preset == "china":
            fields = {
                "Label": "1",  # certainly synthetic
                "ContentProducer": self.provider,
                "ProduceID": record_id,
                "ReservedCode1": "",
                "ContentPropagator": "",
                "PropagateID": "",
                "ReservedCode2": "",
            }
            return {"AIGC": json.dumps(fields, ensure_ascii=False)}
        return {
            "ai_provider": self.provider,
            "ai_system": "facewright",
            "ai_system_version": VERSION,
            "ai_created": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ai_content_id": record_id,
            "comment": self.text,
        }


def _morse(rate: int) -> np.ndarray:
    """The cue, mono float32: dots of one unit, dashes of three, a unit between them, three between letters."""
    import numpy as np

    gap = np.zeros(round(_UNIT * rate), np.float32)
    parts = [np.zeros(round(_LEAD * rate), np.float32)]
    for sign in MORSE:
        if sign == " ":
            parts += [gap, gap]
            continue
        samples = round(_UNIT * (3 if sign == "-" else 1) * rate)
        edge = np.minimum(1, np.minimum(np.arange(samples), np.arange(samples)[::-1]) / (0.005 * rate))  # no clicks
        tone = np.sin(2 * np.pi * _PITCH * np.arange(samples) / rate)
        parts += [(_LOUDNESS * edge * tone).astype(np.float32), gap]
    return np.concatenate(parts)
