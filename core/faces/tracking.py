"""Faces followed through a video: stable ids within a shot, new ids after a cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from .face import MOST, Face, load_backend

_MEMORY_SECONDS = 1.0  # how long a lost face may come back under its old id
_REACH = 0.6  # how far a face may be from its last place, in its own sizes, and be taken for the same


@dataclass(frozen=True)
class TrackedFace:
    """A face and the id of its track; ids count up from 0 and are never used twice."""

    track: int
    face: Face


@dataclass(frozen=True)
class TrackedFrame:
    """Faces of one frame, largest first.

    Attributes:
        index: number of the frame, from 0.
        cut: whether it begins a new shot (the first frame does not).
        faces: what was found.
    """

    index: int
    cut: bool
    faces: list[TrackedFace]


@dataclass
class _Tracks:
    """Who was where of late."""

    memory: int  # frames
    seen: dict[int, tuple[int, Face]] = field(default_factory=dict)  # id → (frame, face)
    count: int = 0

    def assign(self, index: int, faces: list[Face]) -> list[TrackedFace]:
        self.seen = {track: last for track, last in self.seen.items() if index - last[0] <= self.memory}
        free, ids = dict(self.seen), dict[int, int]()
        pairs = sorted(
            (_apart(face, last), i, track) for i, face in enumerate(faces) for track, (_, last) in free.items()
        )
        for apart, i, track in pairs:
            if apart < _REACH and i not in ids and track in free:
                ids[i] = track
                del free[track]
        for i in range(len(faces)):
            if i not in ids:
                ids[i], self.count = self.count, self.count + 1
        self.seen |= {ids[i]: (index, face) for i, face in enumerate(faces)}
        return [TrackedFace(ids[i], face) for i, face in enumerate(faces)]


def _apart(a: Face, b: Face) -> float:
    """Mean distance of the landmarks in units of the faces' size."""
    distance = np.linalg.norm(a.landmarks[:, :2] - b.landmarks[:, :2], axis=1).mean()
    return float(distance / np.sqrt(a.size * b.size))


def track(
    chunks: Iterable[np.ndarray], *, backend: str = "mediapipe", fps: float, most: int = MOST
) -> Iterator[TrackedFrame]:
    """Follow all faces of a video, frame by frame; holds nothing but the faces of the last second.

    Args:
        chunks: RGB frames, uint8 (T, H, W, 3) each.
        backend: name for `load_backend`.
        fps: frames a second of the video.
        most: faces followed at a time, the largest.
    """
    finder = load_backend(backend, video=True, most=most)
    tracks = _Tracks(memory=round(_MEMORY_SECONDS * fps))
    index = 0
    try:
        for chunk in chunks:
            for frame in chunk:
                faces = finder.detect(frame)
                if finder.cut:
                    tracks.seen = {}
                yield TrackedFrame(index, finder.cut, tracks.assign(index, faces))
                index += 1
    finally:
        finder.close()
