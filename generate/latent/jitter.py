"""Faces moved about in their crops, so that a first stage meets more motion than its clips hold.

Two frames of a clip differ by little: a network that shows the portrait as it is makes few mistakes, and learns no
flow. Source and driving frame are therefore each turned, scaled, moved and sheared by themselves, landmarks along with
them: a network that does not follow is wrong by a tenth of the picture. Some pairs are moved alike, so that what else
happens between two frames, lips above all, is not lost among the great movements.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, sin

import cv2
import numpy as np


@dataclass(frozen=True)
class Shot:
    """One frame of a clip: uint8 (size, size, 3), and its landmarks (478, 2), pixels."""

    frame: np.ndarray
    landmarks: np.ndarray


@dataclass(frozen=True)
class Jitter:
    """Bounds of random affine changes; each is drawn evenly between minus and plus.

    Attributes:
        turn: radians.
        scale: logarithm of the factor.
        shift: share of the side, across and down.
        shear: of x by y.
        alike: share of pairs whose frames are changed in the same way.
    """

    turn: float = 0.35
    scale: float = 0.2
    shift: float = 0.1
    shear: float = 0.1
    alike: float = 0.5

    def matrix(self, random: np.random.Generator, size: int) -> np.ndarray:
        """A change (2, 3) of pixels about the middle of a picture of that side."""
        turn, scale, shear, *shift = random.uniform(-1, 1, 5)
        angle, factor = turn * self.turn, exp(scale * self.scale)
        linear = factor * np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        linear = linear @ np.array([[1, shear * self.shear], [0, 1]])
        middle = np.full(2, (size - 1) / 2)
        return np.column_stack([linear, middle - linear @ middle + self.shift * size * np.array(shift)])

    def __call__(self, first: Shot, second: Shot, random: np.random.Generator) -> tuple[Shot, Shot]:
        """Both shots, changed at random."""
        size = first.frame.shape[0]
        matrix = self.matrix(random, size)
        other = matrix if random.random() < self.alike else self.matrix(random, size)
        return moved(first, matrix), moved(second, other)


def moved(shot: Shot, matrix: np.ndarray) -> Shot:
    """A shot under an affine change (2, 3) of its pixels; its border is continued where the frame does not reach."""
    side = shot.frame.shape[0]
    frame = cv2.warpAffine(shot.frame, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    landmarks = shot.landmarks @ matrix[:, :2].T + matrix[:, 2]
    return Shot(frame, landmarks.astype(np.float32))
