"""MediaPipe's detector as finder: over the whole picture, over ever smaller squares, over the picture turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .mediapipe_models import Detector, Region

_SMALLEST = 640  # px; the detector finds faces from a twelfth of its square on, safely from a ninth


class TiledFinder:
    """Regions from the full-range BlazeFace."""

    def __init__(self) -> None:
        self._detect = Detector(min_score=0.5)

    def quick(self, image: np.ndarray) -> list[tuple[Region, float]]:
        return self._detect(image, _whole(image))

    def thorough(self, image: np.ndarray) -> list[tuple[Region, float]]:
        whole = _whole(image)
        squares = [Region(whole.x, whole.y, 2 * whole.side), whole]  # the first for a face that fills the picture
        side = whole.side
        while side > _SMALLEST:
            side = max(side / 3, _SMALLEST)
            height, width = image.shape[:2]
            squares += [Region(x, y, side) for y in _centres(height, side) for x in _centres(width, side)]
        squares += [Region(whole.x, whole.y, whole.side, roll) for roll in (np.pi / 2, -np.pi / 2, np.pi)]
        return [hit for square in squares for hit in self._detect(image, square)]

    def near(self, image: np.ndarray, region: Region) -> list[tuple[Region, float]]:
        return self._detect(image, replace(region, side=1.6 * region.side))

    def close(self) -> None:
        self._detect.close()


def _whole(image: np.ndarray) -> Region:
    height, width = image.shape[:2]
    return Region((width - 1) / 2, (height - 1) / 2, max(height, width))


def _centres(length: int, side: float) -> np.ndarray:
    """Centres of squares that cover a length and overlap by a third."""
    if side >= length:
        return np.array([(length - 1) / 2])
    count = int(np.ceil((length - side) / (side * 2 / 3))) + 1
    return np.linspace((side - 1) / 2, length - (side + 1) / 2, count)
