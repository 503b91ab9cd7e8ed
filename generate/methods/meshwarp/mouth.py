"""The mouth: two lips that part along their seam, and what is seen between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ....core.faces import topology
from . import teeth
from .curve import Axes, Curve, smoothstep
from .head import Field, HeadModel, Mover
from .warp import Lattice, invert, resample

_CHIN = np.array([152, 148, 377, 176, 400, 199, 175])
_OPEN = 0.03  # head units between the lips from which a photo's mouth counts as open
_CLEAN = 0.012  # the outermost strip of a lip, whose colour is half shadow or teeth
_DEPTH = 0.07  # teeth behind the lips


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


@dataclass(frozen=True)
class Mouth:
    """A portrait's mouth, made ready.

    Attributes:
        head: whose mouth it is.
        upper, lower: fields of the two lips, each continued over the seam.
        upper_edge, lower_edge: inner rims of the lips in the axes of `head.mouth`; one line if closed.
        closed: the photo's lips touch.
        rows: upper and lower teeth, lit: premultiplied RGBA float32, `per_unit` pixels a head unit.
        edges: b of their biting edges, pixels.
        cavity, tongue, crease: RGB float32 (3,); crease is seen between lips that have only just parted.
        photo: what the photo shows between the lips, premultiplied RGBA float32 with its corner (x, y); None if closed.
        trust: how far that may be shown when the lips move: 1 for a row of teeth, 0 for a slit.
    """

    head: HeadModel
    upper: Field
    lower: Field
    upper_edge: Curve
    lower_edge: Curve
    closed: bool
    rows: tuple[np.ndarray, np.ndarray]
    edges: tuple[float, float]
    per_unit: float
    cavity: np.ndarray
    tongue: np.ndarray
    crease: np.ndarray
    photo: tuple[np.ndarray, int, int] | None
    trust: float

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
        middle = np.array([[axes.split(points[13])[0]]], np.float32)
        edges = (
            float(above(middle)[0, 0] + (0.026 if closed else 0.042) * unit),
            float(below(middle)[0, 0] + (0.014 if closed else 0.03) * unit),
        )
        per_unit = max(200.0, 1.25 * unit)
        rows = _lit(*teeth.arch(True, per_unit), light), _lit(*teeth.arch(False, per_unit), light * 0.82)
        gum = light * np.array((0.58, 0.36, 0.34), np.float32)
        photo = None if closed else _seen(image, axes, above, below, unit, gum)
        trust = 0.0
        if photo is not None:  # few teeth, or none: what the photo shows holds only while the lips stay as they are
            bright = _between(image, axes, above, below).mean(-1) > 0.45 * light.mean()
            gap = float((below.table - above.table).max()) / unit
            trust = float(smoothstep(0.035, 0.06, gap) * smoothstep(0.2, 0.4, bright.mean()))
        lip = np.r_[topology.LIPS_LOWER_OUTER[2:-2], topology.LIPS_LOWER_INNER[2:-2]]
        lip = _colour(image, points[lip].mean(0), unit)
        own = share(lattice.nodes().reshape(-1, 2))
        return cls(
            head=head,
            upper=head.field(lattice, own, 1),
            lower=head.field(lattice, own, -1),
            upper_edge=above,
            lower_edge=below,
            closed=closed,
            rows=rows,
            edges=edges,
            per_unit=per_unit,
            cavity=light * np.array((0.13, 0.05, 0.045), np.float32),
            tongue=light * np.array((0.52, 0.29, 0.28), np.float32),
            crease=0.32 * lip,
            photo=photo,
            trust=trust,
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
        rim = 0.3 * clean if self.closed else np.float32(0)  # lip that the photo hides
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
            inside = self._inside(hole, mover, (over_upper - rim)[part], (over_lower - rim)[part], gap)
            inside += (self.crease - inside) * (1 - smoothstep(0, 0.05 * unit, corner[part]))[..., None]
            inside = patch[part] + (inside - patch[part]) * smoothstep(0.002 * unit, 0.012 * unit, gap)[..., None]
            mixed[part] += open_[part] * inside
        edge = _feather(box[3], box[2], max(4, round(0.05 * unit)))[..., None] * np.maximum(solid, 0)[..., None]
        patch[:] = np.rint(patch * (1 - edge) + np.clip(mixed, 0, 255) * edge).astype(np.uint8)

    def _inside(self, box, mover: Mover, below_upper, above_lower, parted) -> np.ndarray:
        """Cavity, tongue and teeth on the pixels of a box, float32 (h, w, 3)."""
        unit = self.head.unit
        opening = np.maximum(below_upper + above_lower, 1e-3) / unit
        top, bottom = below_upper / unit, above_lower / unit
        jaw = mover.shift[_CHIN].mean(0)
        skull = self._plane(box, mover, np.zeros(2))
        with_jaw = self._plane(box, mover, jaw)
        depth = smoothstep(0.0, 0.16, opening)
        x, y = np.meshgrid(np.arange(box[2], dtype=np.float32), np.arange(box[3], dtype=np.float32))
        a, b = (with_jaw[i, 0] * x + with_jaw[i, 1] * y + with_jaw[i, 2] for i in (0, 1))
        a, b = a / np.float32(unit), (b - np.float32(self.edges[1])) / np.float32(unit)
        hump = smoothstep(-0.17, -0.01, b + 0.9 * a * a) * (1 - 0.45 * smoothstep(0.0, 0.3, np.abs(a)))
        hump *= 1 - 0.18 * np.exp(-((a / 0.025) ** 2))
        hump *= 0.75 * depth * (0.25 + 0.75 * smoothstep(0.02, 0.18, top))
        colour = self.cavity + (self.tongue - self.cavity) * hump[..., None]
        shadow = (0.6 + 0.4 * smoothstep(-0.01, 0.06, top)) * (0.55 + 0.45 * smoothstep(0.0, 0.1, opening))
        low = shadow * (0.55 + 0.45 * smoothstep(0.0, 0.05, bottom))
        colour = _lay(colour * low[..., None], self._teeth(1, with_jaw, box), low)
        drawn = _lay(colour, self._teeth(0, skull, box), shadow)
        drawn += (self.crease - drawn) * (1 - smoothstep(0.01, 0.05, opening))[..., None]
        if self.photo is None:
            return drawn
        texture, x0, y0 = self.photo
        matrix = _inverse(mover.affine(self._depth()))
        matrix[:, 2] += matrix[:, :2] @ np.array(box[:2]) - (x0, y0)
        seen = cv2.warpAffine(texture, matrix, box[2:], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        shown = _lay(colour, seen, np.ones_like(shadow))
        trust = np.maximum(1 - smoothstep(0.01, 0.05, parted / unit), np.float32(self.trust))
        return drawn + (shown - drawn) * trust[..., None]

    def _depth(self) -> float:
        return float(self.head.landmarks[[13, 14], 2].mean() + _DEPTH * self.head.unit)

    def _plane(self, box, mover: Mover, shift: np.ndarray) -> np.ndarray:
        """(2, 3): pixels of the box → (a, b) of the rigid plane the teeth stand in, moved by `shift` px."""
        back = _inverse(mover.affine(self._depth(), shift))
        axes = self.head.mouth
        turn = np.stack([axes.along, axes.across])
        offset = turn @ (back[:, 2] + back[:, :2] @ np.array(box[:2]) - axes.origin)
        return np.c_[turn @ back[:, :2], offset]

    def _teeth(self, row: int, plane: np.ndarray, box) -> np.ndarray:
        scale = self.per_unit / self.head.unit
        corner = (teeth.HALF_WIDTH * self.per_unit, (0.2 if row == 0 else 0.04) * self.per_unit)
        matrix = plane * scale
        matrix[:, 2] += np.array(corner) - (0, self.edges[row] * scale) - 0.5
        return cv2.warpAffine(self.rows[row], matrix, box[2:], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def is_closed(head: HeadModel) -> bool:
    """Whether the lips touch in the photo."""
    gap = head.landmarks[topology.LIPS_LOWER_INNER, :2] - head.landmarks[topology.LIPS_UPPER_INNER, :2]
    return float((gap @ head.mouth.across).max()) < _OPEN * head.unit


def _colour(image: np.ndarray, at: np.ndarray, unit: float) -> np.ndarray:
    """Median colour, RGB float32 (3,), around a point (2,) px."""
    (x, y), r = np.rint(at).astype(int), max(1, round(0.03 * unit))
    return np.median(image[max(y - r, 0) : y + r + 1, max(x - r, 0) : x + r + 1].reshape(-1, 3), 0).astype(np.float32)


def _between(image: np.ndarray, axes: Axes, above: Curve, below: Curve) -> np.ndarray:
    """Colours (n, 3) seen between the lips, away from the corners."""
    along, down = np.linspace(-0.7 * axes.half, 0.7 * axes.half, 41), np.linspace(0.2, 0.8, 9)
    a, t = np.meshgrid(along.astype(np.float32), down.astype(np.float32))
    points = axes.join(a, above(a) + t * (below(a) - above(a)))
    return resample(image, points).reshape(-1, 3)


def _inverse(affine: np.ndarray) -> np.ndarray:
    return cv2.invertAffineTransform(affine.astype(np.float64))


def _lit(albedo: np.ndarray, cover: np.ndarray, light: np.ndarray) -> np.ndarray:
    return np.concatenate([albedo * light * cover[..., None], cover[..., None]], -1).astype(np.float32)


def _lay(colour: np.ndarray, layer: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Premultiplied RGBA float32, times shade, over colour."""
    return colour * (1 - layer[..., 3:]) + layer[..., :3] * shade[..., None]


def _feather(height: int, width: int, margin: int) -> np.ndarray:
    """1 inside, falling to 0 at the border of a box: float32 (h, w)."""

    def ramp(n: int) -> np.ndarray:
        return np.clip((np.minimum(np.arange(n), np.arange(n)[::-1]) + 1) / (margin + 1), 0, 1).astype(np.float32)

    return np.minimum.outer(ramp(height), ramp(width))


def _seen(image: np.ndarray, axes: Axes, above: Curve, below: Curve, unit: float, gum: np.ndarray):
    """What an open mouth shows, continued under the upper lip, fading out under the lower."""
    margin = 0.12 * unit
    a = np.array(((-1, 1), (-1, 1)), np.float32) * (axes.half + margin)
    low, high = above.table.min() - margin, below.table.max() + margin
    corners = axes.join(a, np.array(((low, low), (high, high)), np.float32)).reshape(-1, 2)
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int), image.shape[1::-1])
    crop = np.ascontiguousarray(image[y0:y1, x0:x1])
    x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
    a, b = axes.split(cv2.merge([x, y]))
    under, past = above(a) - b, b - below(a)  # > 0 outside
    hidden = ((under > -0.014 * unit) | (past > -0.008 * unit)).astype(np.uint8)
    filled = cv2.inpaint(crop, hidden, 3, cv2.INPAINT_TELEA).astype(np.float32)
    pink = gum * (1 - 0.5 * smoothstep(0.03 * unit, 0.12 * unit, under))[..., None]
    filled += (pink - filled) * smoothstep(0.012 * unit, 0.035 * unit, under)[..., None]
    cover = (1 - smoothstep(0.0, 0.02 * unit, past)) * (1 - smoothstep(0.02 * unit, 0.05 * unit, np.abs(a) - axes.half))
    return np.concatenate([filled * cover[..., None], cover[..., None]], -1).astype(np.float32), int(x0), int(y0)
