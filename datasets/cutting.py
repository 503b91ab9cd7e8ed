"""From a video to face crops on disk: decode, track, part into shots, crop each with one fixed square."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.atomic import telling, write_json
from ..core.faces import CropRecipe, Face, topology, track
from ..core.faces.crop import transform, warp
from ..core.media import VideoReader

INSIDE = 0.98  # share of a shot's frames whose whole face must lie in the crop


@dataclass(frozen=True)
class Cut:
    """How videos become clips.

    Attributes:
        recipe: of the crops.
        fps: constant frame rate of the clips.
        shortest, longest: seconds of a clip; longer shots are parted, so that a wandering head is followed.
        most: seconds of a video that are used at most; None: all.
    """

    recipe: CropRecipe
    fps: float = 25.0
    shortest: float = 1.0
    longest: float = 20.0
    most: float | None = None


@dataclass(frozen=True)
class _Shot:
    """Frames start … start + T − 1 of a video that show one face, and its landmarks float32 (T, 478, 3)."""

    start: int
    landmarks: np.ndarray


def cut_video(video: Path, folder: Path, cut: Cut) -> None:
    """Write `folder` with clips.json, and NNN.frames.npy uint8 (T, h, w, 3) and NNN.landmarks.npy of each clip.

    The folder appears when all is written. A video without a usable face gives a folder without clips.

    Raises:
        InputError: what `VideoReader` raises.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    shots = [(shot, matrix) for shot in _shots(video, cut) if (matrix := _square(shot, cut.recipe)) is not None]
    with appearing(folder) as part:
        _write_frames(video, part, shots, cut)
        for number, (shot, matrix) in enumerate(shots):
            np.save(part / f"{number:03d}.landmarks.npy", transform(shot.landmarks, matrix).astype(np.float32))
        note_spans(part, [{"start": shot.start / cut.fps, "frames": len(shot.landmarks)} for shot, _ in shots])


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to write to, which becomes `folder` when all is written.

    Raises:
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    with telling(folder):
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
    try:
        with telling(folder):
            yield part
            part.chmod(0o755)
            if not folder.exists():
                part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _reader(video: Path, cut: Cut) -> VideoReader:
    return VideoReader(video, fps=cut.fps, seconds=cut.most)


def _shots(video: Path, cut: Cut) -> Iterator[_Shot]:
    """Runs of frames with the same face, the largest, without a gap."""
    shortest, longest = round(cut.shortest * cut.fps), round(cut.longest * cut.fps)
    rows: list[np.ndarray] = []
    start, last = 0, None
    for frame in track(_reader(video, cut), fps=cut.fps):
        face = frame.faces[0] if frame.faces else None
        now = face.track if face else None
        if rows and (now != last or frame.cut or len(rows) == longest):
            if len(rows) >= shortest:
                yield _Shot(start, np.stack(rows))
            rows = []
        if face:
            start = start if rows else frame.index
            rows.append(face.face.landmarks)
        last = now
    if len(rows) >= shortest:
        yield _Shot(start, np.stack(rows))


def _square(shot: _Shot, recipe: CropRecipe) -> np.ndarray | None:
    """The crop's similarity (2, 3) around the face's usual place; None if the face often leaves it."""
    matrix = recipe.matrix(Face.of(np.median(shot.landmarks, axis=0), 1.0))
    outline = transform(shot.landmarks[:, topology.OVAL], matrix)[..., :2]
    inside = ((outline >= 0) & (outline <= np.array(recipe.width_height) - 1)).all((1, 2))
    return matrix if inside.mean() >= INSIDE else None


def _write_frames(video: Path, folder: Path, shots: list[tuple[_Shot, np.ndarray]], cut: Cut) -> None:
    """Second pass: every frame of every shot through its square, written as it comes."""
    waiting = iter(enumerate(shots))
    current, index, stream = next(waiting, None), 0, None
    width, height = cut.recipe.width_height
    try:
        for frame in (frame for chunk in _reader(video, cut) for frame in chunk):
            if current is None:
                return
            number, (shot, matrix) = current
            if index == shot.start:
                stream = (folder / f"{number:03d}.frames.npy").open("wb")
                shape = (len(shot.landmarks), height, width, 3)
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(stream, header)
            if stream:
                stream.write(warp(frame, matrix, (width, height)).tobytes())
                if index == shot.start + len(shot.landmarks) - 1:
                    stream.close()
                    stream, current = None, next(waiting, None)
            index += 1
    finally:
        if stream:
            stream.close()


def note_spans(folder: Path, found: list[dict[str, float]]) -> None:
    """Write what `spans` reads."""
    write_json(folder / "clips.json", found)


def spans(folder: Path) -> list[dict[str, float]]:
    """`start` in seconds and `frames` of each clip in a folder that `cut_video` wrote."""
    return json.loads((folder / "clips.json").read_text("utf-8"))
