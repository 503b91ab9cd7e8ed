"""Smooth dense warps from scattered points: thin-plate weights made once, a lattice moved and inverted per frame.

Thin-plate splines: Bookstein, "Principal Warps", PAMI 1989. The kernel takes points of any dimension, so that a cut
(the line between the lips) is one more coordinate in which its two sides stand apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


def resample(image: np.ndarray, at: np.ndarray, flags: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_REPLICATE):
    """The image (H, W, c ≤ 4) at float32 positions (h, w, 2), pixels."""
    return cv2.remap(image, at, None, flags, borderMode=border)  # pyright: ignore[reportCallIssue, reportArgumentType]


@dataclass(frozen=True)
class Lattice:
    """Nodes at x0 + step * column, y0 + step * row, in pixels of the picture."""

    x0: float
    y0: float
    step: float
    rows: int
    columns: int

    @classmethod
    def over(cls, x0: float, y0: float, x1: float, y1: float, step: float) -> Lattice:
        """The lattice from (x0, y0) that reaches at least (x1, y1)."""
        return cls(x0, y0, step, int(np.ceil((y1 - y0) / step)) + 1, int(np.ceil((x1 - x0) / step)) + 1)

    def nodes(self) -> np.ndarray:
        """float32 (rows, columns, 2) pixels."""
        x = self.x0 + self.step * np.arange(self.columns)
        y = self.y0 + self.step * np.arange(self.rows)
        return np.stack(np.meshgrid(x, y), -1).astype(np.float32)

    def sample(self, values: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Values at the nodes (rows, columns, c ≤ 4), bilinear at `points` float32 (h, w, 2) px, held at the edges."""
        index = (points - np.array((self.x0, self.y0), np.float32)) * np.float32(1 / self.step)
        return resample(values, index)

    def to_pixels(self, values: np.ndarray, x0: int, y0: int, width: int, height: int) -> np.ndarray:
        """Values at the nodes (rows, columns, c), on the pixels of a box of the picture: float32 (height, width, c)."""
        matrix = np.array(((self.step, 0, self.x0 - x0), (0, self.step, self.y0 - y0)), np.float64)
        return cv2.warpAffine(values, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def thin_plate(sources: np.ndarray, targets: np.ndarray, smoothing: np.ndarray | float = 0.0) -> np.ndarray:
    """Weights (m, n) that carry values at `sources` (n, d) to `targets` (m, d) smoothly.

    Args:
        sources, targets: points, about unit spread.
        smoothing: 0 passes through the values; more bends less. One number, or one per source.
    """
    count, affine = len(sources), sources.shape[1] + 1
    system = np.zeros((count + affine, count + affine))
    system[:count, :count] = _kernel(sources, sources) + np.diag(np.broadcast_to(smoothing, count))
    system[:count, count:] = np.c_[np.ones(count), sources]
    system[count:, :count] = system[:count, count:].T
    solution = np.linalg.solve(system, np.eye(count + affine, count))
    return (np.c_[_kernel(targets, sources), np.ones(len(targets)), targets] @ solution).astype(np.float32)


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 1e-12)
    return 0.5 * square * np.log(square)  # r² log r


def jacobian(positions: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives (along x, along y), each (rows, columns, 2), of moved nodes (rows, columns, 2)."""
    along_y, along_x = np.gradient(positions, step, axis=(0, 1))
    return along_x, along_y


def determinant(positions: np.ndarray, step: float) -> np.ndarray:
    """Jacobian determinant (rows, columns) of moved nodes; ≤ 0 where the picture folds over."""
    x, y = jacobian(positions, step)
    return x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]


def invert(lattice: Lattice, positions: np.ndarray, at: Lattice | None = None, iterations: int = 5) -> np.ndarray:
    """The backward map of a moved lattice, by Newton's method.

    Args:
        positions: where the nodes of `lattice` have gone, (rows, columns, 2) px.
        at: where the map is wanted; the lattice itself if None.

    Returns:
        float32 (rows, columns, 2) px: where each node of `at` comes from.
    """
    x, y = jacobian(positions, lattice.step)
    inverse = np.stack([y[..., 1], -y[..., 0], -x[..., 1], x[..., 0]], -1)
    inverse /= np.maximum(inverse[..., :1] * inverse[..., 3:] - inverse[..., 1:2] * inverse[..., 2:3], 0.15)
    shift = positions - lattice.nodes()
    target = (at or lattice).nodes()
    source = target - shift.reshape(-1, 2).mean(0) if at else target - shift
    far = np.float32(5 * lattice.step)  # a step beyond that trusts the derivative too far
    for _ in range(iterations):
        miss = source + lattice.sample(shift, source) - target
        i = lattice.sample(inverse, source)
        i[..., 0] = i[..., 0] * miss[..., 0] + i[..., 1] * miss[..., 1]
        i[..., 1] = i[..., 2] * miss[..., 0] + i[..., 3] * miss[..., 1]
        source -= np.clip(i[..., :2], -far, far)
    return source
