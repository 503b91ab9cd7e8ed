"""A frame of reference along a feature, and curves over its long axis: lips and lids are drawn in these."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Axes:
    """Coordinates (a, b): a along the feature from its middle, b across it, downwards; pixels.

    Attributes:
        origin: (2,) the middle, pixels of the picture.
        along: (2,) unit vector.
        half: half the feature's length.
    """

    origin: np.ndarray
    along: np.ndarray
    half: float

    @classmethod
    def between(cls, left: np.ndarray, right: np.ndarray) -> Axes:
        """From the left end (2,) to the right end (2,)."""
        length = float(np.hypot(*(right - left)))
        return cls(((left + right) / 2).astype(np.float32), ((right - left) / length).astype(np.float32), length / 2)

    @property
    def across(self) -> np.ndarray:
        return np.array((-self.along[1], self.along[0]), np.float32)

    def split(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(a, b) of points (..., 2)."""
        matrix = np.array(
            ((*self.along, -self.along @ self.origin), (*self.across, -self.across @ self.origin)), np.float32
        )
        if points.ndim == 3 and points.dtype == np.float32:
            a, b = cv2.split(cv2.transform(points, matrix))
            return a, b
        local = points @ matrix[:, :2].T + matrix[:, 2]
        return local[..., 0], local[..., 1]

    def join(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Points (..., 2) float32 of (a, b)."""
        if a.ndim == 2:
            return cv2.transform(cv2.merge([a, b]), np.c_[self.along, self.across, self.origin].astype(np.float32))
        return self.origin + a[..., None] * self.along + b[..., None] * self.across


@dataclass(frozen=True)
class Curve:
    """b over a, smooth through given knots, straight on beyond its ends. Kept as a table.

    Attributes:
        start: a of the first entry.
        step: between entries, pixels.
        table: float32 (1, n).
    """

    start: float
    step: float
    table: np.ndarray

    @classmethod
    def through(cls, a: np.ndarray, b: np.ndarray, *, reach: float, step: float) -> Curve:
        """Through knots (n,), for |a| up to `reach`; level beyond the outer knots.

        Monotone where the knots are (Fritsch & Carlson's limiter), so that no lip bulges between two landmarks.
        """
        order = np.argsort(a)
        a, keep = np.unique(np.asarray(a, np.float64)[order], return_index=True)
        b = np.asarray(b, np.float64)[order][keep]
        grid = np.arange(-reach, reach + step, step)
        slope = np.diff(b) / np.diff(a)
        middle = np.where(slope[:-1] * slope[1:] > 0, 2 * slope[:-1] * slope[1:] / (slope[:-1] + slope[1:] + 1e-12), 0)
        tangent = np.r_[slope[0], middle, slope[-1]]
        i = np.clip(np.searchsorted(a, grid) - 1, 0, len(a) - 2)
        width = np.diff(a)[i]
        t = np.clip((grid - a[i]) / width, 0, 1)
        values = (
            b[i] * (1 + 2 * t) * (1 - t) ** 2
            + b[i + 1] * t**2 * (3 - 2 * t)
            + width * (tangent[i] * t * (1 - t) ** 2 - tangent[i + 1] * t**2 * (1 - t))
        )
        return cls(float(grid[0]), float(step), values.astype(np.float32)[None])

    @property
    def grid(self) -> np.ndarray:
        """a of the entries (n,)."""
        return self.start + self.step * np.arange(self.table.shape[1], dtype=np.float32)

    def with_table(self, values: np.ndarray) -> Curve:
        """The same grid with other values (n,)."""
        return Curve(self.start, self.step, np.asarray(values, np.float32)[None])

    def __call__(self, a: np.ndarray) -> np.ndarray:
        """b at a float32 (h, w)."""
        index = (a - np.float32(self.start)) * np.float32(1 / self.step)
        return cv2.remap(self.table, index, np.zeros_like(index), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def smoothstep(low: float, high: float, value):
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.minimum(np.maximum((value - np.float32(low)) * np.float32(1 / (high - low)), 0), 1)
    return t * t * (3 - 2 * t)
