"""What is seen between the lips: cavity, tongue, drawn teeth, and the photo's own teeth where it shows them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ....core.faces import topology
from . import teeth
from .curve import Axes, Curve, smoothstep
from .head import HeadModel, Mover
from .warp import resample

_CHIN = np.array([152, 148, 377, 176, 400, 199, 175])
_FOLLOW = 0.6  # of the arc of the lips is that of the teeth
_BEHIND = 0.07  # teeth behind the lips, head units


@dataclass(frozen=True)
class Cavity:
    """The inside of a portrait's mouth, made ready.

    Attributes:
        head: whose mouth it is.
        rows: upper and lower teeth, lit: premultiplied RGBA float32, `per_unit` pixels a head unit.
        edges: b of their biting edges in the axes of `head.mouth`, pixels.
        dark, tongue, crease: RGB float32 (3,); crease is seen between lips that have only just parted.
        photo: what the photo shows between the lips, premultiplied RGBA float32 with its corner (x, y); None if closed.
        trust: how far that may be shown when the lips move: 1 for a row of teeth, 0 for a slit.
    """

    head: HeadModel
    rows: tuple[np.ndarray, np.ndarray]
    edges: tuple[float, float]
    per_unit: float
    dark: np.ndarray
    tongue: np.ndarray
    crease: np.ndarray
    photo: tuple[np.ndarray, int, int] | None
    trust: float

    @classmethod
    def of(
        cls, image: np.ndarray, head: HeadModel, above: Curve, below: Curve, light: np.ndarray, closed: bool
    ) -> Cavity:
        """From the picture uint8 (H, W, 3).

        Args:
            above, below: inner rims of the lips.
            light: the colour that white has in the picture's light, RGB (3,).
            closed: the photo's lips touch.
        """
        unit, axes, points = head.unit, head.mouth, head.landmarks[:, :2]
        middle = np.array([[axes.split(points[13])[0]]], np.float32)
        edges = (
            float(above(middle)[0, 0] + (0.026 if closed else 0.042) * unit),
            float(below(middle)[0, 0] + (0.022 if closed else 0.034) * unit),
        )
        per_unit = max(200.0, 1.25 * unit)
        ends = above(middle + np.array([[-0.75, 0.75]], np.float32) * axes.half).mean()  # most of the lips' own arc
        bow = _FOLLOW * float(ends - above(middle)[0, 0]) * unit / (0.75 * axes.half) ** 2
        photo, trust = None, 0.0
        if not closed:  # few teeth, or none: what the photo shows holds only while the lips stay as they are
            photo = _seen(image, axes, above, below, unit, light)
            bright = _between(image, axes, above, below).mean(-1) > 0.45 * light.mean()
            gap = float((below.table - above.table).max()) / unit
            trust = float(smoothstep(0.035, 0.06, gap) * smoothstep(0.2, 0.4, bright.mean()))
        lip = np.r_[topology.LIPS_LOWER_OUTER[2:-2], topology.LIPS_LOWER_INNER[2:-2]]
        return cls(
            head=head,
            rows=(
                _lit(*teeth.arch(True, per_unit, bow), light),
                _lit(*teeth.arch(False, per_unit, bow), light * 0.66),
            ),
            edges=edges,
            per_unit=per_unit,
            dark=light * np.array((0.16, 0.07, 0.06), np.float32),
            tongue=light * np.array((0.52, 0.29, 0.28), np.float32),
            crease=np.array((0.34, 0.26, 0.25), np.float32) * _colour(image, points[lip].mean(0), unit),
            photo=photo,
            trust=trust,
        )

    def draw(self, box, mover: Mover, below_upper, above_lower, parted) -> np.ndarray:
        """The inside on the pixels of a box of the frame, float32 (h, w, 3).

        Args:
            box: x, y, width, height.
            mover: this frame's motion.
            below_upper, above_lower: float32 (h, w), distance of the pixels from the two lips.
            parted: float32 (h, w), how far from their place in the photo the lips are, pixels.
        """
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
        colour = self.dark + (self.tongue - self.dark) * hump[..., None]
        shadow = (0.6 + 0.4 * smoothstep(-0.01, 0.06, top)) * (0.7 + 0.3 * smoothstep(0.0, 0.1, opening))
        low = shadow * (0.55 + 0.45 * smoothstep(0.0, 0.05, bottom))
        colour = _lay(colour * low[..., None], self._teeth(1, with_jaw, box), low)
        drawn = _lay(colour, self._teeth(0, skull, box), shadow)
        drawn += (self.crease - drawn) * (1 - smoothstep(0.005, 0.035, opening))[..., None]
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
        return float(self.head.landmarks[[13, 14], 2].mean() + _BEHIND * self.head.unit)

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


def _seen(image: np.ndarray, axes: Axes, above: Curve, below: Curve, unit: float, light: np.ndarray):
    """What an open mouth shows; teeth and then gum go on under the upper lip, nothing under the lower."""
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
    gum = light * np.array((0.58, 0.36, 0.34), np.float32)
    hidden = ((under > -0.014 * unit) | (past > -0.008 * unit)).astype(np.uint8)
    filled = cv2.inpaint(crop, hidden, 3, cv2.INPAINT_TELEA).astype(np.float32)
    pink = gum * (1 - 0.5 * smoothstep(0.03 * unit, 0.12 * unit, under))[..., None]
    root = max(0.1 * unit - float((below.table - above.table).max()), 0.02 * unit)  # of the teeth, above the lip's rim
    root += 0.004 * unit * np.cos(2 * np.pi * a / (0.09 * unit))
    filled += (pink - filled) * smoothstep(-0.02 * unit, 0.02 * unit, under - root)[..., None]
    cover = (1 - smoothstep(0.0, 0.02 * unit, past)) * (1 - smoothstep(0.02 * unit, 0.05 * unit, np.abs(a) - axes.half))
    value = crop.astype(np.float32)  # under the teeth the opening may show some lip: leave that out
    enamel = smoothstep(0.4, 0.55, value.mean(-1) / light.mean()) * smoothstep(
        0.64, 0.78, value[..., 1] / (value[..., 0] + 1)
    )
    enamel = cv2.GaussianBlur(cv2.dilate(enamel, np.ones((3, 3), np.uint8)), (0, 0), 0.006 * unit)
    low = smoothstep(0.5, 0.65, -under / np.maximum(-under - past, 1))
    cover *= 1 - low * (1 - enamel)
    return np.concatenate([filled * cover[..., None], cover[..., None]], -1).astype(np.float32), int(x0), int(y0)
