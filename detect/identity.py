"""Which tracks show the same person: their unwrapped faces look alike.

This groups the tracks of one file, which share camera and light. It is no face recognition: it holds no person's
template, compares nothing between files, and errs towards two persons where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from .canonical import SKIN_HEIGHT, SKIN_WIDTH, skin_mask, unwrap

# On 49 spans of 24 people (development data): at 0.65, 76 % of the pairs of one person and 0.4 % of the others.
ALIKE = 0.65
_SIZE = (SKIN_WIDTH // 2, SKIN_HEIGHT // 2)


class Likeness:
    """The mean fine texture of a track's unwrapped face."""

    def __init__(self) -> None:
        self._sum = np.zeros(_SIZE[::-1])

    def add(self, luma: np.ndarray, landmarks: np.ndarray) -> None:
        """One more frame: luma uint8 (H, W), landmarks (478, 3) in pixels."""
        face = cv2.resize(unwrap(luma.astype(np.float32), landmarks), _SIZE, interpolation=cv2.INTER_AREA)
        fine = cv2.GaussianBlur(face, (0, 0), 0.7) - cv2.GaussianBlur(face, (0, 0), 1.5)
        contrast = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 3)) + 0.5
        texture = np.clip(fine / contrast, -2, 2) * _skin()
        self._sum += texture / (np.linalg.norm(texture) + 1e-6)

    @property
    def mean(self) -> np.ndarray:
        """(n,) of length 1."""
        return self._sum.ravel() / (np.linalg.norm(self._sum) + 1e-9)


def group(likenesses: Sequence[np.ndarray]) -> list[int]:
    """A person's number, from 0 in order of appearance, for each track; a track joins whom it resembles most.

    Args:
        likenesses: `Likeness.mean` of each track.
    """
    numbers: list[int] = []
    faces = np.array(likenesses, np.float32)
    for count in range(len(faces)):
        alike = faces[:count] @ faces[count]
        most = int(alike.argmax()) if count else 0
        numbers.append(numbers[most] if count and alike[most] >= ALIKE else max(numbers, default=-1) + 1)
    return numbers


@cache
def _skin() -> np.ndarray:
    return cv2.resize(skin_mask().astype(np.float32), _SIZE, interpolation=cv2.INTER_AREA) > 0.2
