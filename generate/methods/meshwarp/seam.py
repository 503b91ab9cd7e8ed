"""Where the lips meet in the photo."""

from __future__ import annotations

import cv2
import numpy as np

from ....core.faces import topology
from .curve import Axes, Curve
from .head import HeadModel
from .warp import resample

_OPEN = 0.03  # head units between the lips from which a photo's mouth counts as open


def is_closed(head: HeadModel) -> bool:
    """Whether the lips touch in the photo."""
    gap = head.landmarks[topology.LIPS_LOWER_INNER, :2] - head.landmarks[topology.LIPS_UPPER_INNER, :2]
    return float((gap @ head.mouth.across).max()) < _OPEN * head.unit


def lip_line(image: np.ndarray, axes: Axes, seam: Curve, unit: float) -> Curve:
    """The seam of closed lips, drawn to the darkest line near it (the best path by dynamic programming).

    Args:
        image: uint8 (H, W, 3).
        unit: pixels per head unit.
    """
    a = np.linspace(-axes.half, axes.half, max(round(2 * axes.half), 16), dtype=np.float32)
    offset = np.arange(-0.035, 0.0351, 0.5 / unit, dtype=np.float32) * unit if unit > 30 else np.zeros(1, np.float32)
    rows, columns = np.meshgrid(offset, a, indexing="ij")
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), max(unit / 150, 0.5)).astype(np.float32)
    strip = resample(grey, axes.join(columns, rows + seam(columns)))
    strip = (strip - strip.mean(0)) / (strip.std() + 1)
    pull = 2.0 + 6.0 * np.abs(a / axes.half) ** 4  # corners are dark for other reasons: stay by the landmarks
    cost = strip + pull * (rows / (0.035 * unit)) ** 2
    total, back = cost[:, 0].copy(), np.zeros(cost.shape, np.int64)
    for j in range(1, len(a)):
        steps = np.stack([np.r_[np.inf, total[:-1]] + 0.3, total, np.r_[total[1:], np.inf] + 0.3])
        back[:, j] = steps.argmin(0) - 1
        total = cost[:, j] + steps.min(0)
    path = np.empty(len(a), np.int64)
    path[-1] = total.argmin()
    for j in range(len(a) - 1, 0, -1):
        path[j - 1] = path[j] + back[path[j], j]
    shift = cv2.GaussianBlur(offset[path][None].astype(np.float32), (0, 0), len(a) / 24)[0]
    shift *= np.clip((1 - np.abs(a / axes.half)) * 8, 0, 1)
    return seam.with_table(seam.table[0] + np.interp(seam.grid, a, shift, left=0, right=0))
