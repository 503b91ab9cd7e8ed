"""How a face changes from moment to moment: differences of its unwrapped skin, and kinematics of its landmarks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...core.faces import euler, fit_pose, to_head, topology
from ..canonical import SKIN_HEIGHT, SKIN_WIDTH, skin_mask, unwrap
from ..detector import Observation

FPS = 10.0
VERSION = "1"  # of the measures: weights of another version do not fit
GRID = (4, 3)  # cells over the face, down and across
_PARTS: tuple[tuple[str, Sequence[int]], ...] = (
    ("lips", list(topology.LIPS_OUTER)),
    ("inner lips", list(topology.LIPS_INNER)),
    ("left eye", list(topology.LEFT_EYE)),
    ("right eye", list(topology.RIGHT_EYE)),
    ("brows", [*topology.LEFT_BROW, *topology.RIGHT_BROW]),
    ("nose", list(topology.NOSE)),
    ("oval", list(topology.OVAL)),
)
_CELLS = tuple(f"{y}{x}" for y in range(GRID[0]) for x in range(GRID[1]))
NAMES: tuple[str, ...] = (
    *(f"difference.{band}{cell}" for band in ("fine", "coarse") for cell in _CELLS),
    *(f"{how}.{name}" for how in ("speed", "jerk") for name, _ in _PARTS),
    *(f"head.{what}" for what in ("turn", "shift", "scale")),
)
_TINY = 1e-3


class MotionStream:
    """Frames of one face in, one row of `NAMES` a frame out from the third in a row on."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.rows: list[np.ndarray] = []
        self._skin: np.ndarray | None = None
        self._heads: list[np.ndarray] = []
        self._poses: list[np.ndarray] = []
        self._last = -np.inf

    def push(self, observation: Observation) -> None:
        if observation.seconds - self._last > 2.5 / FPS:
            self._skin, self._heads, self._poses = None, [], []
        self._last = observation.seconds
        landmarks = observation.face.landmarks
        skin = unwrap(observation.luma.astype(np.float32), landmarks)
        pose = fit_pose(landmarks)
        before, self._skin = self._skin, skin
        if before is not None and np.array_equal(before, skin):
            return  # the source repeats a frame: nothing had a chance to change
        self._heads = [*self._heads[-2:], to_head(landmarks, pose)]
        place = [*euler(pose.rotation), *(pose.translation[:2] / pose.scale), np.log(pose.scale)]
        self._poses = [*self._poses[-2:], np.array(place)]
        if before is None or len(self._heads) < 3:
            return
        first, second, third = self._heads
        speed, jerk = third - second, third - 2 * second + first
        turn = self._poses[-1] - self._poses[-2]
        row = [*_differences(skin, before)]
        row += [_size(change[list(points)]) for change in (speed, jerk) for _, points in _PARTS]
        row += [np.log(np.abs(part).sum() + _TINY) for part in (turn[:3], turn[3:5], turn[5:])]
        self.times.append(observation.seconds)
        self.rows.append(np.array(row, np.float32))


def _size(change: np.ndarray) -> float:
    """Log of the root mean square of movements (n, 3)."""
    return float(np.log(np.sqrt((change**2).sum(1).mean()) + _TINY))


def _differences(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Log mean absolute difference of a fine and a coarse band over each cell's skin, as a share of its brightness."""
    change = now - before
    coarse = cv2.GaussianBlur(change, (0, 0), 2.0)
    mask = skin_mask().astype(np.float32)
    height, width = SKIN_HEIGHT // GRID[0], SKIN_WIDTH // GRID[1]

    def cells(image: np.ndarray) -> np.ndarray:
        return image.reshape(GRID[0], height, GRID[1], width).sum((1, 3)).ravel()

    light = cells(now * mask) + 1
    return np.log(np.concatenate([cells(np.abs(band) * mask) / light for band in (change - coarse, coarse)]) + _TINY)
