"""The chain that every clip of a bench passes, whatever its kind: cut about the face, one size, marked, one encoding.

What is left to tell the kinds apart is the face. Nothing is written: clips live in memory until they are measured.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ...core.errors import InputError
from ...core.faces import find_faces
from ...core.media import VideoReader, VideoWriter, probe
from ...core.random import generator
from ...datasets.index import Entry
from ...provenance import VideoMarker
from ..detector import Sound
from .perturbations import LEVELS, perturb, quality

SIDE, FPS, SECONDS = 256, 25.0, 4.0  # of every clip
MARGIN = 1.75  # side of the cut, in longer sides of the face: hair and chin stay, what stands further off goes
STANDARD = 23  # CRF
SWEEP = (32, 40)  # further CRFs


@dataclass(frozen=True)
class Variant:
    """What is done to clips besides the chain; `genuine` if it is done to genuine clips alone."""

    name: str
    kind: str = ""
    level: int = 0
    crf: int = STANDARD
    marked: bool = True
    genuine: bool = False


STANDARD_VARIANT = Variant(f"crf {STANDARD}")
UNMARKED = Variant("unmarked", marked=False, genuine=True)
QUALITIES = tuple(Variant(f"crf {crf}", crf=crf) for crf in SWEEP)
PERTURBED = tuple(
    Variant(f"{kind} {level}", kind, level, quality(kind, level, STANDARD)) for kind in LEVELS for level in range(1, 6)
)


@dataclass(frozen=True)
class Window:
    """A stretch of a video: `entry` is its line in the index with its own name, `start` in seconds."""

    entry: Entry
    path: Path
    start: float


@dataclass(frozen=True)
class Excerpt(Sound):
    """The sound of a window; time 0 is where the window begins."""

    begin: float = 0.0

    def between(self, start: float, seconds: float) -> np.ndarray:
        return super().between(self.begin + start, seconds)


def windows(entry: Entry, folder: Path, most: int) -> list[Window]:
    """Up to `most` windows of `SECONDS`, spread evenly over a video; one where it is shorter."""
    path = folder / entry.video
    length = probe(path).seconds
    count = int(np.clip(length // SECONDS, 1, most))
    free = max(0.0, length - SECONDS)
    starts = [free * (number + 0.5) / count for number in range(count)] if count > 1 else [free / 2]
    return [Window(replace(entry, video=f"{entry.video}#{start:.1f}"), path, start) for start in starts]


def frames_of(window: Window) -> np.ndarray | None:
    """The window as frames (T, SIDE, SIDE, 3) about its face; None where no face is found in its first frames."""
    reader = VideoReader(window.path, fps=FPS, start=window.start, seconds=SECONDS)
    pictures: list[np.ndarray] = []
    box: tuple[int, int, int] | None = None
    waiting: list[np.ndarray] = []
    for frame in (frame for chunk in reader for frame in chunk):
        waiting.append(frame)
        if box is None and len(waiting) % 10 == 1:
            faces = find_faces(frame)
            box = _box(faces[0].box, faces[0].size) if faces else None
        if box is not None:
            pictures += [_cut(one, box) for one in waiting]
            waiting.clear()
    return np.stack(pictures) if pictures else None


def altered(frames: np.ndarray, window: Window, variant: Variant) -> np.ndarray:
    """Marked unless it is already or is not to be, and perturbed; the same way every time."""
    if variant.marked and not window.entry.marked:
        record = hashlib.sha256(window.entry.video.encode()).hexdigest()[:16]
        frames = VideoMarker(record, width=SIDE, height=SIDE, fps=FPS).mark(frames, 0)
    if variant.kind:
        frames = perturb(frames, variant.kind, variant.level, generator(0, window.entry.video, variant.name))
    return frames


@contextmanager
def encoded(frames: np.ndarray, crf: int) -> Iterator[str]:
    """A path to the frames as H.264, in memory alone."""
    number = os.memfd_create("clip")
    path = f"/proc/self/fd/{number}"
    try:
        with VideoWriter(path, width=SIDE, height=SIDE, fps=FPS, crf=crf) as writer:
            writer.write(frames)
        yield path
    finally:
        os.close(number)


def open_windows(entries: list[Entry], folder: Path, most: int) -> list[Window]:
    """All windows of an index; genuine videos give up to `most` each, others one.

    Raises:
        InputError: a video cannot be read, or there are none.
    """
    found = [window for entry in entries for window in windows(entry, folder, most if not entry.synthetic else 1)]
    if not found:
        raise InputError("bad_index", "the index holds no clip")
    return found


def _box(face: tuple[float, float, float, float], size: float) -> tuple[int, int, int]:
    """Left, top and side of the square about a face."""
    side = round(MARGIN * size)
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    return round(x - side / 2), round(y - side / 2), side


def _cut(frame: np.ndarray, box: tuple[int, int, int]) -> np.ndarray:
    """The square, moved into the picture and made smaller where it is too large for it, at `SIDE` pixels."""
    height, width = frame.shape[:2]
    side = min(box[2], height, width)
    left = int(np.clip(box[0] + (box[2] - side) // 2, 0, width - side))
    top = int(np.clip(box[1] + (box[2] - side) // 2, 0, height - side))
    cut = frame[top : top + side, left : left + side]
    return cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC)
