"""Shot cuts: both the colours and the structure of the picture change, and far more than a moment before."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

_THUMB = 64  # px
_LEAST = 0.06  # change below this is no cut, however still the clip was
_SURGE = 3.0  # a cut changes this many times more than the busiest of the last frames
_UNKNOWN = 0.04  # change to expect of a shot that has just begun


class CutDetector:
    """Frame by frame: does this one begin a new shot? The first does not. Dissolves and fades are not cuts."""

    def __init__(self) -> None:
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._recent: deque[float] = deque([_UNKNOWN], maxlen=8)

    def __call__(self, frame: np.ndarray) -> bool:
        """Take the next RGB frame uint8 (H, W, 3)."""
        now, last = _look(frame), self._last
        self._last = now
        if last is None:
            return False
        change = _change(last, now)
        cut = change > _LEAST and change > _SURGE * (max(self._recent) + 0.01)
        if cut:
            self._recent.clear()
        self._recent.append(_UNKNOWN if cut else change)
        return cut


def _look(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour histogram (48,) that sums to 1, and a zero-mean thumbnail in grey."""
    step = max(1, min(frame.shape[:2]) // (4 * _THUMB))
    thumb = cv2.resize(frame[::step, ::step], (_THUMB, _THUMB), interpolation=cv2.INTER_AREA).astype(np.uint8)
    histogram = np.concatenate([np.bincount(thumb[..., c].ravel() >> 4, minlength=16) for c in range(3)]) / (
        3 * _THUMB**2
    )
    grey = cv2.resize(thumb, (_THUMB // 2, _THUMB // 2), interpolation=cv2.INTER_AREA).astype(np.float64) @ [
        0.299,
        0.587,
        0.114,
    ]
    return histogram, grey - grey.mean()


def _change(before: tuple[np.ndarray, np.ndarray], after: tuple[np.ndarray, np.ndarray]) -> float:
    """Geometric mean of the share of colours that changed and of lost correlation; 0 to about 1."""
    colours = np.abs(before[0] - after[0]).sum() / 2
    a, b = before[1], after[1]
    power = np.sqrt((a * a).sum() * (b * b).sum())
    structure = 1 - (a * b).sum() / power if power > 1 else float((a * a).sum() + (b * b).sum() > 1)
    return float(np.sqrt(colours * max(structure, 0.0)))
