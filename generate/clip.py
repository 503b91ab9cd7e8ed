"""The lazy clip: nothing is rendered until someone iterates or saves, and what they get is marked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.progress import Report, silent
from ..core.version import VERSION
from ..provenance import Draft, Ingredient, VideoMarker, new_record_id, seal

if TYPE_CHECKING:
    import numpy as np

    from ..provenance import Sealed
    from ..provenance.labels import Label
    from .drive import Drive
    from .method import ControlValue, Method

SOUND_RATE = 48_000
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True)
class Clip:
    """A talking head that will be. Iterating gives marked chunks; `save` gives a sealed file.

    Attributes:
        method, state: the method and what it prepared for this face.
        portrait: file of the picture, or None for a picture given as an array.
        drive: what moves the face.
        width, height, fps: of the video, in pixels and frames per second.
        seed, controls: what `replay` needs to rebuild it.
        chunk: frames rendered at a time; changes memory, never pixels.
        record_id: 64-bit id that every frame carries.
        warnings: things the caller should tell the user.
        label: what a law asks to be shown, written and heard; part of the frames, below the mark.
    """

    method: Method
    state: Any
    portrait: Path | None
    drive: Drive
    width: int
    height: int
    fps: Fraction
    seed: int
    controls: dict[str, ControlValue]
    options: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    consent: str | None = None
    chunk: int = 16
    warnings: tuple[str, ...] = ()
    label: Label | None = None
    record_id: str = field(default_factory=new_record_id)

    @property
    def seconds(self) -> float:
        """Length as the drive's container states it; the stream decides."""
        return self.drive.seconds

    @property
    def frames(self) -> int:
        """Expected number of frames."""
        return max(1, round(self.seconds * self.fps))

    def __iter__(self) -> Iterator[np.ndarray]:
        marker = VideoMarker(self.record_id, width=self.width, height=self.height, fps=float(self.fps))
        start = 0
        for frames in self._unmarked():
            yield marker.mark(frames, start)
            start += len(frames)

    def save(self, path: str | Path, *, force: bool = False, crf: float = 18, progress: Report = silent) -> Sealed:
        """Render, mark, encode, sign, read back; then, and only then, put the file at `path`.

        Args:
            force: an existing file may be replaced.
            crf: x264's constant rate factor.
            progress: is told how far it is.

        Raises:
            UsageError: `output_exists` and other targets that cannot be written.
            RefusedError: marking or signing failed; there is no file.
        """
        sounds = self.drive.sounds or (self.label is not None and self.label.cue)
        return seal(
            self._unmarked(),
            path,
            draft=self.draft(),
            fps=self.fps,
            width=self.width,
            height=self.height,
            record_id=self.record_id,
            audio=self._sound() if sounds else None,
            audio_rate=SOUND_RATE if sounds else None,
            metadata=self.label.tags(self.record_id, datetime.now(UTC)) if self.label else None,
            crf=crf,
            force=force,
            total=self.frames,
            progress=progress,
        )

    def draft(self) -> Draft:
        """What this clip declares about itself in the signed manifest and the store."""
        made_from = self.drive.ingredients()
        if self.portrait is not None:
            made_from.insert(0, Ingredient(str(self.portrait), "portrait", self.portrait.name))
        return Draft(
            method=self.method.card.name,
            method_version=VERSION,
            weights=self.weights,
            seed=self.seed,
            controls={**self.options, **self.controls, **({"label": self.label.to_dict()} if self.label else {})},
            ingredients=tuple(made_from),
            consent=self.consent,
            digital_source_type=SOURCE_TYPE,
        )

    def _unmarked(self) -> Iterator[np.ndarray]:
        """Labelled frames before the mark: for the seal alone, which marks them before anything else sees them."""
        return self.label.drawn(self._rendered(), self.fps) if self.label else self._rendered()

    def _rendered(self) -> Iterator[np.ndarray]:
        blocks = self.method.motion(self.state, self.drive, controls=self.controls, seed=self.seed, fps=float(self.fps))
        for block in blocks:
            for first in range(0, len(block), self.chunk):
                yield self.method.render(self.state, block[first : first + self.chunk])

    def _sound(self) -> Iterator[np.ndarray]:
        sound = self.drive.audio(SOUND_RATE) if self.drive.sounds else None
        if self.label and self.label.cue:
            return self.label.sounding(sound, SOUND_RATE)
        assert sound is not None
        return sound


def even_size(height: int, width: int, short_side: int | None, *, largest: int = 1080) -> tuple[int, int]:
    """Height and width of the video for a picture, both even.

    The aspect is kept; the short side is as asked, or else the picture's own up to `largest`.
    """
    target = short_side or min(height, width, largest)
    scale = target / min(height, width)
    return 2 * max(1, math.floor(height * scale / 2 + 0.5)), 2 * max(1, math.floor(width * scale / 2 + 0.5))
