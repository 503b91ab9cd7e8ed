"""Fits a learned mouth to the portrait at hand: lips that meet exactly, whatever gap its own neutral face has.

A displacement closes the mouth it was learned on. A portrait that smiles with its teeth needs more, one whose inner
lips touch must not be pressed through itself. So the opening is asked for as an absolute height at nine places, and
the lips, with what hangs on them, are moved up or down by what is missing.
"""

from __future__ import annotations

import numpy as np

from ....core.faces import topology
from .basis import LOWER, UPPER, lip_gap, smoothstep

UPPER_SHARE = 0.35  # of a change of the opening that the upper lip makes; the rest is the jaw's
_KEPT = 0.5  # of a portrait's own opening that stays while it speaks


class LipFit:
    """The lips of one portrait.

    Args:
        neutral: float32 (478, 3), its landmarks in head units.
    """

    def __init__(self, neutral: np.ndarray) -> None:
        self.own = np.maximum(lip_gap(neutral), 0.0)  # (9,)
        pull = _pull(neutral)  # 478 9
        moved = pull[LOWER] - pull[UPPER]  # 9 9: what a pull at one place opens at the others
        self._pull = (pull @ np.linalg.inv(moved)).astype(np.float32)
        self._neutral = neutral

    def __call__(self, shape: np.ndarray, opening: np.ndarray, closure: np.ndarray, activity: np.ndarray) -> np.ndarray:
        """Displacement (T, 478, 3) whose opening is right.

        Args:
            shape: displacement (T, 478, 3), as learned.
            opening: (T, 9), height of the opening that speech and mood want on a mouth that is shut at rest.
            closure: (T,), 1 shuts the lips.
            activity: (T,), 0 leaves the portrait's own opening as it is.
        """
        kept = (1 - (1 - _KEPT) * activity)[:, None] * self.own
        wanted = (np.maximum(opening, 0.0) + kept) * (1 - closure)[:, None]
        missing = wanted - lip_gap(self._neutral + shape)
        fitted = shape.copy()
        fitted[..., 1] += missing.astype(np.float32) @ self._pull.T
        return fitted


def _pull(neutral: np.ndarray) -> np.ndarray:
    """Vertical displacement (478, 9) per unit of opening at each place: lips whole, fading to nose, cheeks and chin."""
    mean = topology.MEAN_FACE[:, :2]
    places = neutral[UPPER, 0]
    width = np.ptp(neutral[topology.LIPS_OUTER, 0]) / 9
    near = np.exp(-(((neutral[:, None, 0] - places) / width) ** 2))
    near = near / np.maximum(near.sum(1, keepdims=True), np.exp(-1.0))
    lips = np.concatenate([topology.LIPS_OUTER, topology.LIPS_INNER])
    inside = _inside(mean, mean[topology.LIPS_OUTER])
    away = np.where(inside, 0.0, np.linalg.norm(mean[:, None] - mean[None, lips], axis=-1).min(1))
    below = np.zeros(len(mean), bool)
    line = np.interp(mean[:, 0], mean[topology.LIPS_UPPER_INNER, 0], mean[topology.LIPS_UPPER_INNER, 1])
    below = mean[:, 1] > line
    below[topology.LIPS_LOWER_INNER[1:-1]], below[topology.LIPS_UPPER_INNER[1:-1]] = True, False
    fade = np.where(below, 1 - smoothstep(0.0, 0.55, away), 1 - smoothstep(0.0, 0.2, away))
    sign = np.where(below, 1 - UPPER_SHARE, -UPPER_SHARE)
    return near * (fade * sign)[:, None]


def _inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which points (n, 2) lie in a polygon (m, 2): odd number of edges to the right."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, None, 0], points[:, None, 1]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return (crosses & (x < at)).sum(1) % 2 == 1
