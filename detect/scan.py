"""`scan`: what a file says of itself, then how synthetic its faces look."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..core.errors import InputError
from ..core.faces import Face, find_faces, track
from ..core.media import MediaInfo, VideoInfo, VideoReader, probe, read_image
from ..core.media.source import open_file
from ..core.progress import Progress, Report, silent
from ..provenance import verify
from .detector import Detector, Evidence, Observation, Sound, TrackReader
from .identity import Likeness, group
from .result import FaceReport, ScanReport
from .sampling import spans

_LOOK_ALIKE_EVERY = 5  # frames of a track between two looks at who it is
_GLIMPSE = 3  # frames; a face seen for less is not reported
_GONE = 1.5  # s unseen after which the tracker gives a face that comes back a new number
_MOST_AT_ONCE = 12  # faces followed in one frame, the largest
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6", b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51")


def scan(
    path: str | Path, *, fps: float | None = None, detector: Detector | None = None, progress: Report = silent
) -> ScanReport:
    """Ask the manifest, the watermark and the store, and then, whatever they said, a detector.

    Frames stream; what stays of each face and frame is a few numbers. A video of more than a minute is sampled, and the
    report says which parts were looked at.

    Args:
        path: a video or a picture.
        fps: frames a second to look at on average; None for all of a short video and a minute of a long one.
        detector: the shipped residual detector unless given.
        progress: called as frames are looked at.

    Raises:
        InputError: the file cannot be read or holds no picture.
        AssetError: the detector's weights are missing or changed.
    """
    begun = time.monotonic()
    path = Path(path)
    if detector is None:
        from .detectors.residual import ResidualDetector

        detector = ResidualDetector.shipped()
    picture = _picture(path)
    info = probe(path) if picture is None else _picture_info(path, picture)
    if info.video is None:
        raise InputError("no_video", f"{path.name} has no picture to look at.", "Give a video or an image.")
    progress(Progress("check provenance", 0))
    provenance = verify(path).to_dict()
    provenance["synthetic"] = _declared(provenance)
    parts = spans(info.seconds, fps, detector.fps) if picture is None else []
    watched = _Watch(detector, Sound(path) if info.audio else None)
    if picture is None:
        _look(path, parts, detector, watched, progress)
    else:
        watched.frame(0.0, picture, dict(enumerate(find_faces(picture))))
    digest, size = _digest(path)
    return ScanReport(
        path=path,
        sha256=digest,
        bytes=size,
        info=info,
        still=picture is not None,
        provenance=provenance,
        detector=detector,
        faces=watched.faces(),
        spans=tuple(parts),
        frames=watched.frames,
        seconds=time.monotonic() - begun,
    )


def _look(
    path: Path,
    parts: list[tuple[float, float]],
    detector: Detector,
    watched: _Watch,
    progress: Report,
) -> None:
    total = max(1, round(sum(length for _, length in parts) * detector.fps))
    for start, length in parts:
        reader = VideoReader(path, fps=detector.fps, start=start, seconds=length)
        watched.begin()
        last: list[np.ndarray] = []

        def frames(reader: VideoReader = reader, last: list[np.ndarray] = last) -> Iterator[np.ndarray]:
            """One frame at a time, so that `last` is the frame the tracker has just answered for."""
            for chunk in reader:
                for number in range(len(chunk)):
                    last[:] = [chunk[number]]
                    yield chunk[number : number + 1]

        for found in track(frames(), fps=detector.fps):
            watched.frame(start + found.index / detector.fps, last[0], {seen.track: seen.face for seen in found.faces})
            progress(Progress("look at faces", watched.frames, total))


@dataclass
class _Track:
    """What is kept of one face; of its reader, once it has not been seen for a while, only what it said."""

    reader: TrackReader | None
    evidence: Evidence | None = None
    times: list[float] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    likeness: Likeness = field(default_factory=Likeness)


class _Watch:
    """All faces of a file."""

    def __init__(self, detector: Detector, sound: Sound | None) -> None:
        self.frames = 0
        self._detector, self._sound = detector, sound
        self._tracks: list[_Track] = []
        self._followed: dict[int, _Track] = {}

    def begin(self) -> None:
        """A new span: the tracker counts from 0 again."""
        self._let_go(float("inf"))

    def frame(self, seconds: float, image: np.ndarray, faces: dict[int, Face]) -> None:
        """The next frame and its faces by track, largest first."""
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for number, face in list(faces.items())[:_MOST_AT_ONCE]:
            if number not in self._followed:
                self._followed[number] = _Track(self._detector.open(self._sound))
                self._tracks.append(self._followed[number])
            one = self._followed[number]
            if len(one.times) % _LOOK_ALIKE_EVERY == 0:
                one.likeness.add(luma, face.landmarks)
            one.times.append(seconds)
            one.boxes.append(face.box)
            assert one.reader
            one.reader.push(Observation(seconds, image, luma, face))
        self._let_go(seconds)
        self.frames += 1

    def faces(self) -> tuple[FaceReport, ...]:
        self._let_go(float("inf"))
        kept = [one for one in self._tracks if len(one.times) >= min(_GLIMPSE, self.frames)]
        people = group([one.likeness for one in kept])
        return tuple(
            FaceReport(
                track=number,
                identity=person,
                seconds=len(one.times) / self._detector.fps if self.frames > 1 else 0.0,
                times=np.array(one.times),
                boxes=np.array(one.boxes, np.float32),
                evidence=_sane(one.evidence),
            )
            for number, (one, person) in enumerate(zip(kept, people, strict=True))
        )

    def _let_go(self, seconds: float) -> None:
        """Ask for the evidence of faces that are not coming back, so that their readers can be forgotten."""
        for number, one in list(self._followed.items()):
            if one.reader and seconds - one.times[-1] > _GONE:
                one.evidence, one.reader = one.reader.evidence(), None
                del self._followed[number]


def _sane(evidence: Evidence | None) -> Evidence:
    """A detector that gives neither a score nor a reason, or both, is broken: say so rather than report it."""
    if evidence is None or (evidence.score is None) == (evidence.reason is None):
        raise ValueError(f"a detector gives a score or a reason to abstain, not {evidence}")
    return evidence


def _declared(provenance: dict[str, Any]) -> bool:
    """Whether a signature that holds, or a watermark that nothing contradicts, says that the file is synthetic."""
    state, manifest = provenance["state"], provenance["manifest"]
    signed = state in ("trusted", "valid-untrusted") and bool(manifest.get("says_ai_generated"))
    of_picture = provenance["watermark"]["found"] or (provenance.get("fingerprint") or {}).get("match")
    return signed or (state == "recovered" and bool(of_picture))  # marked sound alone may be dubbed onto any picture


def _picture(path: Path) -> np.ndarray | None:
    """The pixels if the file is a still picture; None for anything else, which may be a video."""
    with open_file(path) as file:
        head = file.read(16)
    still = head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] == b"ftypavif"
    return read_image(path) if still else None


def _picture_info(path: Path, picture: np.ndarray) -> MediaInfo:
    kind = path.suffix.lower().lstrip(".") or "picture"
    return MediaInfo(0.0, kind, VideoInfo(kind, picture.shape[1], picture.shape[0], Fraction(1), 1), None)


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
