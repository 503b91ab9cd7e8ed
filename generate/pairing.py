"""Genuine counterparts of made clips: cut to the same shape and length, and sent through the same encoder and mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.faces import largest_face
from ..core.media import AudioReader, VideoReader, probe
from ..core.progress import silent
from ..datasets.index import Entry
from ..provenance.coating import MOST, coat, firm
from ..provenance.encoding import Stopwatch, encode
from ..provenance.watermark import read_mark
from .clip import even_size
from .talker import SMALLEST

if TYPE_CHECKING:
    import numpy as np

SOUND_RATE = 48_000
_FPS = 10, 60  # what methods can make


@dataclass(frozen=True)
class Window:
    """A stretch of a genuine video, and the part of its picture around the face.

    Attributes:
        entry: of the video, with an absolute path.
        start, seconds: of the stretch.
        fps: the video's own.
        sounds: whether it has sound.
        left, top, right, bottom: of the part, in pixels.
        width, height: that it is scaled to, even; never up.
    """

    entry: Entry
    start: float
    seconds: float
    fps: Fraction
    sounds: bool
    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int

    @property
    def path(self) -> Path:
        return Path(self.entry.video)


def window(entry: Entry, rows: int, columns: int, size: int, seconds: float, draw: np.random.Generator) -> Window:
    """Choose a stretch, and the largest part shaped like a portrait of rows × columns, the face in its middle.

    Args:
        size: short side at most.
        seconds: length at most.

    Raises:
        InputError: "no_face", "no_video", "unreadable", "too_short"; "face_too_small" if no such part has `SMALLEST`
            pixels on its short side.
    """
    info = probe(entry.video)
    if info.video is None:
        raise InputError("no_video", f"{entry.video} has no picture")
    if not _FPS[0] <= info.video.fps <= _FPS[1]:
        raise InputError("unreadable", f"{entry.video} has {float(info.video.fps):g} frames a second")
    seconds = min(seconds, info.seconds)
    start = float(draw.uniform(0, max(0.0, info.seconds - seconds - 0.1)))
    picture = next(iter(VideoReader(entry.video, start=start, seconds=1.0, chunk=1)))[0]
    whole_high, whole_wide = picture.shape[:2]
    wide = min(whole_wide, whole_high * columns / rows)
    high = wide * rows / columns
    short = int(min(wide, high, size)) // 2 * 2
    if short < SMALLEST:
        raise InputError("face_too_small", f"{entry.video} has {whole_wide} × {whole_high} pixels: too few to pair")
    box = largest_face(picture).box
    left = min(max((box[0] + box[2] - wide) / 2, 0), whole_wide - wide)
    top = min(max((box[1] + box[3] - high) / 2, 0), whole_high - high)
    height, width = even_size(rows, columns, short)
    return Window(
        entry, start, seconds, info.video.fps, info.audio is not None,
        int(left), int(top), int(left + wide), int(top + high), width, height,
    )  # fmt: skip


def write(shown: Window, frames: int, target: Path, *, crf: float, mark: str | None) -> None:
    """Encode the first `frames` of a window as the seal encodes made clips, with a mark or without.

    A marked clip gets further coats as a sealed one would. There is no manifest: nothing here was made up.
    """
    rate = SOUND_RATE if shown.sounds else None
    part = target.with_name(f".{target.stem}.part{target.suffix}")
    spare = target.with_name(f".{target.stem}.spare{target.suffix}")
    try:
        encode(
            _frames(shown, frames),
            part,
            fps=shown.fps,
            width=shown.width,
            height=shown.height,
            mark=mark,
            sound_mark=mark,
            audio=AudioReader(shown.path, rate=SOUND_RATE, start=shown.start) if rate else None,
            audio_rate=rate,
            metadata=None,
            total=frames,
            progress=silent,
            watch=Stopwatch(),
            crf=crf,
        )
        for _ in range(MOST if mark else 0):
            reading = read_mark(part)
            if mark is None or firm(reading, mark):
                break
            coat(part, spare, mark, reading, fps=shown.fps, metadata=None, progress=silent, watch=Stopwatch(), crf=crf)
            spare.replace(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
        spare.unlink(missing_ok=True)


def _frames(shown: Window, count: int) -> Iterator[np.ndarray]:
    import cv2
    import numpy as np

    size = (shown.width, shown.height)
    video = VideoReader(shown.path, start=shown.start, chunk=16)
    for frame in islice((frame for chunk in video for frame in chunk), count):
        part = frame[shown.top : shown.bottom, shown.left : shown.right]
        yield np.ascontiguousarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))[None]
