"""`scan`: what a file says of itself, then how synthetic its faces look."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.faces import Face, find_faces, track
from ..core.media import MediaInfo, VideoInfo, VideoReader, probe, read_image
from ..core.media.source import open_file
from ..core.progress import Progress, Report, silent
from ..provenance import verify
from .detector import Detector, Sound
from .pipeline import Stages, ahead
from .result import ScanReport
from .sampling import spans
from .watching import MOST_AT_ONCE, Watch

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6", b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51")
_LARGEST_FRAME = 36_000_000  # px, above 8K; half a dozen frames are in memory at a time
_AHEAD = 1 << 25  # bytes of frames that each stage may be ahead of the next


def scan(
    path: str | Path, *, fps: float | None = None, detector: Detector | None = None, progress: Report = silent
) -> ScanReport:
    """Ask the manifest, the watermark and the store, and then, whatever they said, a detector.

    Frames stream; what stays of each face and frame is a few numbers. A video of more than a minute is sampled, and the
    report says which parts were looked at.

    Args:
        path: a video or a picture.
        fps: frames a second to look at on average; None for all of a short video and a minute of a long one.
        detector: `default_detector()` unless given.
        progress: called as frames are looked at.

    Raises:
        InputError: the file cannot be read or holds no picture.
        AssetError: the detector's weights are missing or changed.
    """
    begun = time.monotonic()
    path = Path(path)
    detector = detector or default_detector()
    stages = Stages()
    picture = _picture(path)
    info = probe(path) if picture is None else _picture_info(path, picture)
    video = _usable(path, info, still=picture is not None)
    progress(Progress("check provenance", 0))
    with stages("provenance"):
        provenance = verify(path).to_dict()
    provenance["synthetic"] = _declared(provenance)
    watched = Watch(detector, Sound(path) if info.audio else None)
    if picture is None:
        look = _Look(path, spans(info.seconds, fps, detector.fps), detector.fps, video, stages)
        look.over(watched, progress)
    else:
        look = None
        with stages("tracking"):
            faces = find_faces(picture, most=MOST_AT_ONCE)
        with stages("detectors"):
            watched.frame(0.0, picture, dict(enumerate(faces)))
    with stages("detectors"):
        faces = watched.faces()
    warnings = look.warnings() if look else []
    if watched.unlisted:
        warnings.append(f"{watched.unlisted} more faces could not be scored and are not listed")
    digest, size = _digest(path)
    return ScanReport(
        path=path,
        sha256=digest,
        bytes=size,
        info=info,
        still=picture is not None,
        provenance=provenance,
        detector=detector,
        faces=faces,
        spans=look.seen() if look else (),
        frames=watched.frames,
        seconds=time.monotonic() - begun,
        stages={name: stages.seconds.get(name, 0.0) for name in STAGES},
        warnings=tuple(warnings),
    )


STAGES = ("provenance", "decode", "tracking", "detectors")


def default_detector() -> Detector:
    """Who estimates unless told otherwise: the residual detector.

    The panel judges the generator it was trained on better, but on others, which it never met, its temporal member does
    harm (`metrics` of `weights/panel.record.json`); so it answers where it is asked for by name.
    """
    from .detectors.residual import ResidualDetector

    return ResidualDetector.shipped()


class _Look:
    """All spans of a video, decoded, tracked and judged side by side."""

    def __init__(
        self, path: Path, parts: list[tuple[float, float]], fps: float, video: VideoInfo, stages: Stages
    ) -> None:
        self._path, self._parts, self._fps, self._stages = path, parts, fps, stages
        self._depth = max(1, min(8, _AHEAD // (video.width * video.height * 3)))
        self._frames: dict[float, int] = {}
        self._said: dict[str, None] = {}

    def over(self, watched: Watch, progress: Report) -> None:
        total = max(1, round(sum(length for _, length in self._parts) * self._fps))
        before = None
        tracked = ahead(self._followed(ahead(self._decoded(), self._depth)), self._depth)
        try:
            for start, seconds, image, faces in tracked:
                with self._stages("detectors"):
                    if start != before:
                        watched.begin()
                    before = start
                    watched.frame(seconds, image, faces)
                self._frames[start] = self._frames.get(start, 0) + 1
                progress(Progress("look at faces", watched.frames, total))
        finally:
            tracked.close()

    def seen(self) -> tuple[tuple[float, float], ...]:
        """(start, length) of what was there to be looked at."""
        return tuple((start, frames / self._fps) for start, frames in self._frames.items())

    def warnings(self) -> list[str]:
        return list(self._said)

    def _decoded(self) -> Iterator[tuple[float, np.ndarray]]:
        """(start of the span, frame). A file that ends before it says so is no error, if it shows anything at all."""
        for start, length in self._parts:
            reader = VideoReader(self._path, fps=self._fps, start=start, seconds=length, chunk=self._depth)
            try:
                for chunk in self._stages.over("decode", reader):
                    for frame in chunk:
                        yield start, frame
            except InputError as error:
                if start == self._parts[0][0]:
                    raise
                self._said[error.message.removeprefix(f"{self._path} ")] = None
            self._said |= dict.fromkeys(reader.warnings)

    def _followed(
        self, frames: Generator[tuple[float, np.ndarray], None, None]
    ) -> Iterator[tuple[float, float, np.ndarray, dict[int, Face]]]:
        """(start of the span, seconds, frame, faces by track)."""
        waiting = self._stages.over("waiting", frames)
        try:
            for start, part in groupby(waiting, itemgetter(0)):
                last: list[np.ndarray] = []

                faces = track(_one_by_one(part, last), fps=self._fps, most=MOST_AT_ONCE)
                for found in self._stages.over("tracking", faces):
                    yield start, start + found.index / self._fps, last[0], {s.track: s.face for s in found.faces}
        finally:
            waiting.close()


def _one_by_one(part: Iterator[tuple[float, np.ndarray]], last: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames (1, H, W, 3), so that `last` holds the frame that the tracker has just answered for."""
    for _, frame in part:
        last[:] = [frame]
        yield frame[None]


def _usable(path: Path, info: MediaInfo, *, still: bool) -> VideoInfo:
    if info.video is None:
        raise InputError("no_video", f"{path.name} has no picture to look at.", "Give a video or an image.")
    width, height = info.video.width, info.video.height
    if not still and width * height > _LARGEST_FRAME:
        message = f"{path} has frames of {width} × {height} pixels; the limit is {_LARGEST_FRAME // 10**6} million."
        raise InputError("too_large", message, "Scale it down first, to 8K or less.")
    return info.video


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
