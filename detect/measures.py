"""Measures of a corpus: what the residual detector sees of each clip, and what its container alone gives away."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..core.errors import InputError
from ..core.faces import track
from ..core.media import VideoReader
from .detector import Observation
from .detectors.features import NAMES, VERSION
from .detectors.residual import FPS, Rows

CONTAINER = ("bytes per pixel and second", "frames a second", "width", "height", "seconds")


@dataclass(frozen=True)
class Measures:
    """One clip.

    Attributes:
        rows: float32 (n, len(NAMES)), of the face seen longest; n = 0 where there was none fit to be measured.
        container: float32 (len(CONTAINER),).
        size: median length of the face's longer side, pixels.
    """

    rows: np.ndarray
    container: np.ndarray
    size: float


def measure(path: str | os.PathLike[str]) -> Measures:
    """Measure a clip as `scan` would.

    Raises:
        InputError: the file cannot be read.
    """
    reader = VideoReader(path, fps=FPS)
    faces: dict[int, Rows] = {}
    sizes: dict[int, list[float]] = {}
    last: list[np.ndarray] = []

    def frames():
        for chunk in reader:
            for number in range(len(chunk)):
                last[:] = [chunk[number]]
                yield chunk[number : number + 1]

    for found in track(frames(), fps=FPS):
        for seen in found.faces:
            luma = cv2.cvtColor(last[0], cv2.COLOR_RGB2GRAY)
            faces.setdefault(seen.track, Rows()).push(Observation(found.index / FPS, last[0], luma, seen.face))
            sizes.setdefault(seen.track, []).append(seen.face.size)
    video, seconds = reader.video, reader.info.seconds
    weight = os.stat(path).st_size / (video.width * video.height * max(seconds, 1e-3))
    container = np.array([weight, float(video.fps), video.width, video.height, seconds], np.float32)
    longest = max(faces, key=lambda number: len(faces[number].rows), default=None)
    rows = faces[longest].rows if longest is not None else []
    return Measures(
        np.array(rows, np.float32).reshape(-1, len(NAMES)),
        container,
        float(np.median(sizes[longest])) if longest is not None else 0.0,
    )


def write_measures(path: str | os.PathLike[str], videos: Sequence[str], measures: Sequence[Measures]) -> None:
    """Keep the measures of a corpus, by the `video` of its index, as one .npz of plain arrays."""
    np.savez_compressed(
        path,
        version=np.array(VERSION),
        names=np.array(NAMES),
        videos=np.array(videos),
        lengths=np.array([len(one.rows) for one in measures]),
        rows=np.concatenate([one.rows for one in measures]),
        container=np.array([one.container for one in measures]),
        sizes=np.array([one.size for one in measures]),
    )


def read_measures(path: str | os.PathLike[str]) -> dict[str, Measures]:
    """The measures of `write_measures` by video.

    Raises:
        InputError: "bad_measures" if they were taken by another version.
    """
    with np.load(Path(path), allow_pickle=False) as file:
        if str(file["version"]) != VERSION or tuple(file["names"]) != NAMES:
            raise InputError("bad_measures", f"{path} holds measures of another version.", "Measure the corpus again.")
        rows = np.split(file["rows"], np.cumsum(file["lengths"])[:-1])
        parts = zip(rows, file["container"], file["sizes"], strict=True)
        return {
            str(video): Measures(*part[:2], float(part[2])) for video, part in zip(file["videos"], parts, strict=True)
        }
