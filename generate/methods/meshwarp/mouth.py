"""The mouth: two lips that part along their seam, and what is seen between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ....core.faces import topology
from .cavity import Cavity
from .curve import Curve, smoothstep
from .head import Field, HeadModel, Mover
from .seam import is_closed
from .warp import Lattice, invert, resample

_CLEAN = 0.012  # the outermost strip of a lip, whose colour is half shadow or teeth


@dataclass(frozen=True)
class Mouth:
    """A portrait's mouth, made ready.

    Attributes:
        head: whose mouth it is.
        upper, lower: fields of the two lips, each continued over the seam.
        upper_edge, lower_edge: inner rims of the lips in the axes of `head.mouth`; one line if closed.
        closed: the photo's lips touch.
        cavity: what is between them.
    """

    head: HeadModel
    upper: Field
    lower: Field
    upper_edge: Curve
    lower_edge: Curve
    closed: bool
    cavity: Cavity

    @classmethod
    def of(cls, image: np.ndarray, head: HeadModel, light: np.ndarray, share: Callable) -> Mouth:
        """From the picture uint8 (H, W, 3) and the colour that white has in its light, RGB (3,).

        Args:
            share: of points (n, 2) px, the motion they make.
        """
        unit, axes, points = head.unit, head.mouth, head.landmarks[:, :2]
        closed = is_closed(head)
        if closed:
            above = below = head.seam
        else:
            reach, step = 3 * axes.half, head.seam.step
            above = Curve.through(*axes.split(points[topology.LIPS_UPPER_INNER]), reach=reach, step=step)
            below = Curve.through(*axes.split(points[topology.LIPS_LOWER_INNER]), reach=reach, step=step)
            below = below.with_table(np.maximum(below.table[0], above.table[0]))
        corners = axes.join(
            np.array(((-1, 1), (-1, 1)), np.float32) * (axes.half + 0.3 * unit),
            np.array(((-0.3, -0.3), (0.42, 0.42)), np.float32) * unit,
        ).reshape(-1, 2)
        lattice = Lattice.over(*corners.min(0), *corners.max(0), step=max(unit / 32, 1.0))
        own = share(lattice.nodes().reshape(-1, 2))
        return cls(
            head=head,
            upper=head.field(lattice, own, 1),
            lower=head.field(lattice, own, -1),
            upper_edge=above,
            lower_edge=below,
            closed=closed,
            cavity=Cavity.of(image, head, above, below, light, closed),
        )

    def draw(self, frame: np.ndarray, layer: np.ndarray, to_layer: np.ndarray, mover: Mover) -> None:
        """Draw one frame's mouth over a moved face, in place.

        Args:
            frame: uint8 (H, W, 3), the head already moved.
            layer: RGBA texture of the photo.
            to_layer: (2, 3) pixels of the picture → pixels of the texture.
            mover: this frame's motion.
        """
        unit, axes = self.head.unit, self.head.mouth
        jump = np.rint(mover.point(np.r_[axes.origin, self.head.landmarks[13, 2]]) - axes.origin)
        lattice = self.upper.lattice
        at = Lattice(lattice.x0 + jump[0], lattice.y0 + jump[1], lattice.step, lattice.rows, lattice.columns)
        height, width = frame.shape[:2]
        x0, y0 = max(int(np.ceil(at.x0)), 0), max(int(np.ceil(at.y0)), 0)
        x1 = min(int(at.x0 + at.step * (at.columns - 1)), width)
        y1 = min(int(at.y0 + at.step * (at.rows - 1)), height)
        if x1 - x0 < 4 or y1 - y0 < 4:
            return
        box = (x0, y0, x1 - x0, y1 - y0)
        sources = [at.to_pixels(invert(lattice, mover(f), at), *box) for f in (self.upper, self.lower)]
        (a_upper, b_upper), (a_lower, b_lower) = (axes.split(source) for source in sources)
        over_upper, over_lower = b_upper - self.upper_edge(a_upper), self.lower_edge(a_lower) - b_lower
        opening = over_upper + over_lower

        parted = opening if self.closed else np.abs(opening - (self.lower_edge(a_upper) - self.upper_edge(a_upper)))
        clean = np.float32(_CLEAN * unit) * smoothstep(0.004 * unit, 0.035 * unit, parted)
        rim = 0.1 * clean if self.closed else np.float32(0)  # lip that the photo hides
        lips, covers, solid = [], [], np.float32(1)
        for a, b, out, sign in ((a_upper, b_upper, over_upper, 1), (a_lower, b_lower, over_lower, -1)):
            past = np.maximum(out + clean, 0)  # beyond the last clean lip colour: turn back into the lip
            source = axes.join(a, b - np.float32(2 * sign) * past)
            index = cv2.transform(source, to_layer)
            colour = resample(layer, index)
            solid = np.minimum(solid, (colour[..., 3] - np.float32(200)) / 55)
            colour = colour[..., :3].astype(np.float32)
            colour *= (1 - 0.5 * smoothstep(0, 2.2, past / (clean + 1e-3)) * (clean > 0.1))[..., None]
            lips.append(colour)
            covers.append(np.clip(0.5 - (out - rim), 0, 1))
        upper, lower = covers
        both = upper + lower
        open_ = np.clip(1 - both, 0, 1)[..., None]
        corner = axes.half - np.maximum(np.abs(a_upper), np.abs(a_lower))
        open_ *= np.clip(corner + 1, 0, 1)[..., None]
        share = ((upper + 1e-4) / (both + 2e-4))[..., None]
        mixed = (lips[0] * share + lips[1] * (1 - share)) * (1 - open_)
        patch = frame[y0:y1, x0:x1]
        rows, columns = np.flatnonzero((open_ > 0.01).any((1, 2))), np.flatnonzero((open_ > 0.01).any((0, 2)))
        if len(rows):
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            hole = (x0 + int(columns[0]), y0 + int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
            gap = parted[part]
            if not self.closed:  # lips that slide together leave the photo's teeth behind
                gap = np.maximum(gap, np.abs(mover.shift[topology.LIPS_INNER]).max())
            inside = self.cavity.draw(hole, mover, (over_upper - rim)[part], (over_lower - rim)[part], gap)
            deep = 0.14 if self.closed else 0.05  # into the corners, unless the photo shows what is there
            inside += (self.cavity.crease - inside) * (1 - smoothstep(0, deep * unit, corner[part]))[..., None]
            inside = patch[part] + (inside - patch[part]) * smoothstep(0.002 * unit, 0.012 * unit, gap)[..., None]
            mixed[part] += open_[part] * inside
        edge = _feather(box[3], box[2], max(4, round(0.05 * unit)))[..., None] * np.maximum(solid, 0)[..., None]
        patch[:] = np.rint(patch * (1 - edge) + np.clip(mixed, 0, 255) * edge).astype(np.uint8)


def _feather(height: int, width: int, margin: int) -> np.ndarray:
    """1 inside, falling to 0 at the border of a box: float32 (h, w)."""

    def ramp(n: int) -> np.ndarray:
        return np.clip((np.minimum(np.arange(n), np.arange(n)[::-1]) + 1) / (margin + 1), 0, 1).astype(np.float32)

    return np.minimum.outer(ramp(height), ramp(width))
