"""What Make-Your-Anchor learns from: frames of people, control pictures of the same frames, and where the face is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ....core.atomic import telling
from ....core.errors import AssetError, InputError
from ....core.faces import Face, load_backend
from ....core.media import VideoReader
from ....core.progress import Progress, Report
from ....datasets.manifest import read_videos
from . import mesh

FPS = 25.0
KEPT_APART = 0.1  # share of every video, at its end
SUFFIX = ".mesh"  # clip.mp4's renders are clip.mesh.mp4


@dataclass(frozen=True)
class Footage:
    """Frames of one video that show a face.

    Attributes:
        frames, renders: uint8 (T, side, side, 3).
        landmarks: float32 (T, 478, 3), in pixels of these frames.
    """

    frames: np.ndarray
    renders: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    def face(self, index: int) -> Face:
        """The face of a frame."""
        points = np.array(self.landmarks[index])
        (x0, y0), (x1, y1) = points[:, :2].min(0), points[:, :2].max(0)
        return Face(points, (float(x0), float(y0), float(x1), float(y1)), 1.0)

    def parted(self) -> tuple[Footage, Footage]:
        """What is learned from, and the end, which is not."""
        cut = len(self) - max(round(KEPT_APART * len(self)), 1)
        whole = (self.frames, self.renders, self.landmarks)
        return Footage(*(part[:cut] for part in whole)), Footage(*(part[cut:] for part in whole))


def footage(data: Path, cache: Path, side: int, *, tracked: bool, progress: Report) -> tuple[list[Footage], list[str]]:
    """Videos of an index as squares of `side` pixels around the place of the first face, made once and kept in `cache`.

    Args:
        tracked: draw control pictures here; else take those of the video `NAME.mesh.EXT` beside each.

    Returns:
        Footage, and a line about each source for the record.

    Raises:
        AssetError: `data_missing` without renders, or if no face is found.
        InputError: `bad_index`, `unreadable`.
    """
    found, sources = [], []
    entries = [entry for entry in read_videos(data) if entry.split in ("", "train")]
    for number, entry in enumerate(entries):
        video = Path(entry.video)
        progress(Progress("read videos", number, len(entries), "videos", video.name))
        shown = None if tracked else video.with_suffix(f"{SUFFIX}{video.suffix}")
        if shown and not shown.is_file():
            hint = "Render the body mesh of every frame, or take a preset that draws the face's itself."
            raise AssetError("data_missing", f"there are no renders {shown.name} beside {video.name}", hint)
        known = video.stat()
        words = [str(video), known.st_size, known.st_mtime_ns, side, tracked]
        home = cache / f"footage-{hashlib.sha256(repr(words).encode()).hexdigest()[:12]}"
        if not (home / "landmarks").exists():
            _write(home, video, shown, side)
        frames, renders = (
            np.memmap(home / name, np.uint8, "r").reshape(-1, side, side, 3) for name in ("frames", "renders")
        )
        found.append(Footage(frames, renders, np.memmap(home / "landmarks", np.float32, "r").reshape(-1, 478, 3)))
        sources.append(f"{len(found[-1]) / FPS:.0f} s of {entry.identity}: {entry.licence}")
    return found, sources


def _write(home: Path, video: Path, renders: Path | None, side: int) -> None:
    """Three files of raw numbers; the one that is written last says that all are whole."""
    with telling(home):
        home.mkdir(parents=True, exist_ok=True)
        with (home / "frames").open("wb") as frames, (home / "renders").open("wb") as shown:
            points = []
            for frame, render, landmarks in _squares(video, renders, side):
                frames.write(frame.tobytes())
                shown.write(render.tobytes())
                points.append(landmarks)
        if len(points) < 2:
            raise AssetError("data_missing", f"{video.name} shows no face", "Give a video of a person.")
        (home / "part").write_bytes(np.stack(points).astype(np.float32).tobytes())
        (home / "part").replace(home / "landmarks")


def _squares(video: Path, renders: Path | None, side: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Frame, control picture and landmarks of every frame that shows a face."""
    matrix, shown = None, _frames(renders) if renders else None
    with closing(load_backend(video=True)) as finder:
        for frame in _frames(video):
            render = None
            if shown is not None and (render := next(shown, None)) is None:
                return
            face = next(iter(finder.detect(frame)), None)
            if face is None:
                continue
            if render is not None and render.shape != frame.shape:
                message = f"{renders} has frames of {render.shape[1]} × {render.shape[0]} pixels, the video others"
                raise InputError("wrong_shape", message, "Render as the camera of the video sees the person.")
            matrix = _square(frame, face, side) if matrix is None else matrix
            points = face.landmarks * matrix[0, 0]
            points[:, :2] += matrix[:, 2]
            if render is None:
                control = mesh.render(points, side, side)
            else:
                control = cv2.warpAffine(render, matrix, (side, side), flags=cv2.INTER_AREA)
            yield cv2.warpAffine(frame, matrix, (side, side), flags=cv2.INTER_AREA), control, points


def _frames(video: Path) -> Iterator[np.ndarray]:
    return (frame for chunk in VideoReader(video, fps=FPS) for frame in chunk)


def _square(frame: np.ndarray, face: Face, side: int) -> np.ndarray:
    """Picture → the largest square with the face in its middle, or as near as the picture's borders let it."""
    height, width = frame.shape[:2]
    whole = min(height, width)
    x, y = face.landmarks[:, 0].mean() - whole / 2, face.landmarks[:, 1].mean() - whole / 3
    left, top = min(max(x, 0), width - whole), min(max(y, 0), height - whole)
    scale = side / whole
    return np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
