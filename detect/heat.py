"""Where in a face the evidence lies: the detector's own map if it has one, else by hiding parts and asking again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..core.errors import FacewrightError
from ..core.faces import Face, track
from ..core.media import VideoReader
from .detector import Detector, Evidence, Observation
from .result import FaceReport

GRID = 4  # cells across and down
SECONDS = 2.4  # shown to the detector around a moment: enough for it to speak
_SHIFT = 0.6  # of the face's size, kept around it on each side
_NEAR = 0.6  # s within which a detector's own map belongs to a moment
_LEAST = 0.02  # of the score; a change below this on every part is no answer


@dataclass(frozen=True)
class Heat:
    """How much each part of a face matters to a score.

    Attributes:
        cells: float32 (rows, columns) in [0, 1].
        corners: float32 (4, 2), where the map's corners lie in the picture, clockwise from its upper left.
        source: the detector that drew it, or "" for parts hidden one after the other.
    """

    cells: np.ndarray
    corners: np.ndarray
    source: str = ""


def heat(path: Path, detector: Detector, face: FaceReport, seconds: float, *, hide: bool) -> Heat | None:
    """The map of one moment; None where there is no answer.

    A detector that draws its own (`heat` in its details: `seconds`, `corners`, `cells` 0 to 255) is believed. Others
    are asked again about the same two seconds with one part of the face smoothed away after the other: the more
    the score changes, either way, the more it rested on that part (Zeiler and Fergus, "Visualizing and understanding
    convolutional networks", 2014).

    Args:
        path: the scanned file.
        detector: who estimated.
        face: whose map.
        seconds: the moment.
        hide: whether parts may be hidden if there is no map; that asks the detector `GRID` squared times.
    """
    own = _own(face.evidence, detector.name)
    if own:
        when, nearest = min(own, key=lambda each: abs(each[0] - seconds))
        return nearest if abs(when - seconds) <= _NEAR else None
    return _hidden(_observed(path, detector, face, seconds), detector) if hide else None


def _own(evidence: Evidence, name: str) -> list[tuple[float, Heat]]:
    """The maps that detectors drew, each with its second."""
    return [
        (each["seconds"], _drawn(each, source))
        for source, said in ((name, evidence), *dict(evidence.details.get("detectors", {})).items())
        for each in said.details.get("heat", ())
    ]


def _drawn(each: Mapping[str, Any], source: str) -> Heat:
    cells = np.clip(np.array(each["cells"], np.float32) / 255, 0, 1)
    return Heat(cells, np.array(each["corners"], np.float32), source)


def _observed(path: Path, detector: Detector, face: FaceReport, seconds: float) -> list[Observation]:
    """The face around a moment, tracked again, cut out with its surroundings."""
    start = max(0.0, seconds - SECONDS / 2)
    frames: list[np.ndarray] = []
    seen: list[Observation] = []
    try:
        reader = VideoReader(path, fps=detector.fps, start=start, seconds=SECONDS, chunk=1)
        for found in track((frames.append(chunk[0]) or chunk for chunk in reader), fps=detector.fps):
            image, when = frames.pop(), start + found.index / detector.fps
            frames.clear()
            there = [one.face for one in found.faces if _covers(one.face.box, face.box(when))]
            if there:
                seen.append(_cut(when, image, there[0]))
    except FacewrightError:  # moved, deleted or damaged since
        return []
    return seen


def _covers(box: tuple[float, float, float, float], other: np.ndarray) -> bool:
    return bool(box[0] < (other[0] + other[2]) / 2 < box[2] and box[1] < (other[1] + other[3]) / 2 < box[3])


def _cut(seconds: float, image: np.ndarray, face: Face) -> Observation:
    x0, y0, x1, y1 = face.box
    room = _SHIFT * face.size
    left, top = max(0, int(x0 - room)), max(0, int(y0 - room))
    part = np.ascontiguousarray(image[top : max(top + 1, int(y1 + room)), left : max(left + 1, int(x1 + room))])
    moved = face.landmarks - np.array([left, top, 0], np.float32)
    box = (x0 - left, y0 - top, x1 - left, y1 - top)
    return Observation(seconds, part, cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), replace(face, landmarks=moved, box=box))


def _hidden(seen: Sequence[Observation], detector: Detector) -> Heat | None:
    before = _score(seen, detector) if seen else None
    if before is None:
        return None
    cells = np.zeros((GRID, GRID), np.float32)
    smooth = [cv2.GaussianBlur(one.image, (0, 0), max(1.5, one.face.size / 60)) for one in seen]
    for row, column in np.ndindex(GRID, GRID):
        changed = [_without(one, blurred, row, column) for one, blurred in zip(seen, smooth, strict=True)]
        after = _score(changed, detector)
        cells[row, column] = 0.0 if after is None else abs(after - before)
    if cells.max() < _LEAST:
        return None
    middle = seen[len(seen) // 2].face.box
    x0, y0, x1, y1 = middle
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return Heat(cells / cells.max(), corners)


def _without(one: Observation, smooth: np.ndarray, row: int, column: int) -> Observation:
    """With one part of the face smoothed away, softly at its rim."""
    x0, y0, x1, y1 = one.face.box
    across, down = (x1 - x0) / GRID, (y1 - y0) / GRID
    x = np.abs(np.arange(one.image.shape[1]) - (x0 + (column + 0.5) * across)) / across
    y = np.abs(np.arange(one.image.shape[0]) - (y0 + (row + 0.5) * down)) / down
    weight = (np.clip(1.25 - x, 0, 0.5)[None] * 2 * np.clip(1.25 - y, 0, 0.5)[:, None] * 2)[..., None]
    image = np.rint(one.image + weight * (smooth.astype(np.float32) - one.image)).astype(np.uint8)
    return replace(one, image=image, luma=cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def _score(seen: Sequence[Observation], detector: Detector) -> float | None:
    """In units of evidence: a score near 0 or 1 hides how much it moves."""
    reader = detector.open()
    for one in seen:
        reader.push(one)
    score = reader.evidence().score
    return None if score is None else float(np.log(max(score, 1e-6) / max(1 - score, 1e-6)))
