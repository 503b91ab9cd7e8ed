"""Eyes: lids that come down over the eyeball, an eyeball that turns behind them. All in the photo's own coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ....core.faces import topology
from .curve import Axes, Curve, smoothstep
from .warp import resample

# lid fold: the mesh's second row above each eye, left to right
_FOLDS = (np.array([247, 30, 29, 27, 28, 56, 190]), np.array([414, 286, 258, 257, 259, 260, 467]))
_BROWS = (np.array([53, 52, 65]), np.array([283, 282, 295]))  # their lower edge
_EYES = (
    (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER, topology.LEFT_IRIS),
    (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, topology.RIGHT_IRIS),
)
_EYEBALL = 2.05  # radii of the iris (12 mm against 5.9 mm)
_LASH = 0.022  # head units above the lid's edge that hold its lashes
_OWN = 0.6  # of the colour of a shut lid that is the open lid's own
_ALIKE = 0.7  # how far the lids' tones are brought together
_MEET = 0.16  # share of the opening that the lower lid rises when the eye shuts


@dataclass(frozen=True)
class Eye:
    """One eye of a portrait, made ready.

    Attributes:
        axes: through its corners.
        upper, lower, fold: edges of the lids and the fold above the upper one, in those axes.
        open: its height in pixels, 0 if the photo shows it shut.
        iris: (a, b) of its middle.
        radius: of the iris, pixels.
        ball: premade eyeball without lids, RGB uint8, with its corner (x, y) in the picture.
        lash: height of the strip at the upper lid's edge that moves as one piece, pixels.
        skin: RGB float32 (1, n, 3), the upper lid's skin over the entries of `upper`.
    """

    axes: Axes
    upper: Curve
    lower: Curve
    fold: Curve
    open: float
    iris: np.ndarray
    radius: float
    ball: np.ndarray
    corner: tuple[int, int]
    lash: float
    skin: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, landmarks: np.ndarray, side: int, unit: float) -> Eye:
        """From the picture uint8 (H, W, 3); `side` 0 for its left eye, 1 for its right; `unit` pixels a head unit."""
        upper_at, lower_at, iris_at = _EYES[side]
        points = landmarks[:, :2]
        axes = Axes.between(points[upper_at[0]], points[upper_at[-1]])
        reach, step = 2.0 * axes.half, max(axes.half / 60, 0.4)
        upper = Curve.through(*axes.split(points[upper_at]), reach=reach, step=step)
        lower = Curve.through(*axes.split(points[lower_at]), reach=reach, step=step)
        lower = lower.with_table(np.maximum(lower.table, upper.table)[0])
        a, b = axes.split(points[_FOLDS[side]])
        a, b = np.r_[-1.25 * axes.half, a, 1.25 * axes.half], np.r_[b[0] / 2, b, b[-1] / 2]
        fold = Curve.through(a, b, reach=reach, step=step)
        fold = fold.with_table(np.minimum(fold.table, upper.table - 0.03 * unit)[0])
        height = float((lower.table - upper.table).max())
        iris = np.concatenate(axes.split(points[iris_at[:1]])).astype(np.float32)
        radius = float(np.hypot(*(points[iris_at[1:]] - points[iris_at[0]]).T).mean())
        ball, corner = _eyeball(image, axes, upper, lower, iris, radius)
        brow = float(axes.split(points[_BROWS[side]])[1].max())
        skin = _lid_skin(image, axes, upper, lower, fold, brow, unit)
        return cls(
            axes, upper, lower, fold, height if height > 0.028 * unit else 0.0, iris, radius, ball, corner,
            lash=_LASH * unit, skin=skin,
        )  # fmt: skip

    @classmethod
    def pair(cls, image: np.ndarray, landmarks: np.ndarray, unit: float) -> tuple[Eye, Eye]:
        """Both eyes, their lids of one hue and near in tone: a strip so thin may have caught shadows and lashes."""
        left, right = (cls.of(image, landmarks, side, unit) for side in (0, 1))
        tones = [np.median(eye.skin[0][np.abs(eye.upper.grid) < eye.axes.half], 0) + 1 for eye in (left, right)]
        common = np.sqrt(tones[0] * tones[1])

        def alike(eye: Eye, tone: np.ndarray) -> Eye:
            level = eye.skin.mean(-1, keepdims=True) * (common.mean() / tone.mean()) ** _ALIKE
            return replace(eye, skin=(level * common / common.mean()).astype(np.float32))

        return alike(left, tones[0]), alike(right, tones[1])

    def box(self) -> np.ndarray:
        """Corners (4, 2) px in the photo of all that blinks and glances touch."""
        half, top, low = 1.3 * self.axes.half, float(self.fold.table.min()), float(self.lower.table.max())
        a, b = np.meshgrid((-half, half), (top - 2, low + 0.8 * max(self.open, 2)))
        return self.axes.join(a.ravel(), b.ravel())

    def draw(self, patch: np.ndarray, source: np.ndarray, layer: np.ndarray, to_layer, gaze, blink: float) -> None:
        """Draw one frame's eye in place.

        Args:
            patch: uint8 (h, w, 3), part of a frame with the head already moved.
            source: float32 (h, w, 2) px, where in the photo each of its pixels comes from.
            layer: RGBA texture of the photo.
            to_layer: (2, 3) pixels of the photo → pixels of the texture.
            gaze: right, down (rad).
            blink: 0 as in the photo, 1 shut.
        """
        busy = float(
            smoothstep(0, 1, max(abs(blink) / 0.08, float(np.abs(gaze).max()) / 0.04))
        )  # else the photo as it is
        if not self.open or not busy:
            return
        a, b = self.axes.split(source)
        upper, lower, fold = self.upper(a), self.lower(a), self.fold(a)
        gap = lower - upper
        shift = np.clip(_EYEBALL * self.radius * np.sin(gaze), -0.75 * self.radius, 0.75 * self.radius)
        follow = float(np.clip(0.75 * shift[1] / self.open, -0.3, 0.5))  # the upper lid goes along with the eye
        shut = float(np.clip(blink + follow * (1 - blink), -0.3, 1))
        rise = _MEET * max(blink, 0)
        drop = smoothstep(0, 1, gap / self.open) * np.float32(0.35 * max(shift[1], 0) * (1 - blink))
        lid_up = upper + np.float32(shut * (1 - rise)) * gap
        lid_low = lower - np.float32(rise) * gap + drop

        # upper lid: lashes and rim move as one, the skin between them and the fold is drawn out
        span, drawn = upper - fold, lid_up - fold
        t = np.clip((b - fold) / np.maximum(drawn - self.lash, 1e-3), 0, 1)
        rest, full = np.maximum(span - self.lash, 0.5), np.maximum(drawn - self.lash, 0.5)
        steep = np.minimum(full / rest, 3)
        ease = steep * t * (1 - t) ** 2 + t * t * (3 - 2 * t) + steep * t * t * (t - 1)
        from_upper = np.where(b < fold, b, np.where(t < 1, fold + ease * rest, b - (drawn - span)))
        # lower lid: a short strip below it gives way
        give = np.float32(0.7 * self.open)
        fall = np.clip(1 - (b - lid_low) / give, 0, 1)
        white = np.float32(0.6 * self.lash * max(blink, 0))  # what of the eyeball the landmarks leave to the lid
        from_lower = b + (lower + white - lid_low) * fall * fall * (3 - 2 * fall)
        at = [cv2.transform(self.axes.join(a, rows), to_layer) for rows in (from_upper, from_lower)]
        skins = [resample(layer, i) for i in at]
        above, below = (skin[..., :3].astype(np.float32) for skin in skins)
        above = self._shade_lid(above, a, b, fold, lid_up, drawn / np.maximum(span, 1), t, shut)

        ball = self._turned(a, b, shift)
        over = np.clip(0.5 - (b - lid_up), 0, 1)
        under = np.clip(0.5 - (lid_low - b), 0, 1)
        seen = np.clip(1 - over - under, 0, 1)[..., None]
        share = (over / np.maximum(over + under, 1e-6))[..., None]
        covered = np.clip((lid_up - upper) / np.float32(0.25 * self.open), 0, 1)
        shadow = np.exp(-np.maximum(b - lid_up, 0) / np.float32(0.12 * self.open + 0.5))
        ball *= ((1 - 0.35 * covered * shadow) * (1 - 0.3 * np.float32(max(blink, 0))))[..., None]
        lids = above * share + below * (1 - share)
        mixed = lids + (ball - lids) * seen
        solid = np.clip((np.minimum(skins[0][..., 3], skins[1][..., 3]) - np.float32(200)) / 55, 0, 1)[..., None]
        patch[:] = np.rint(patch + (np.clip(mixed, 0, 255) - patch) * (busy * solid)).astype(np.uint8)

    def _shade_lid(self, lids, a, b, fold, lid_up, stretch, t, shut: float) -> np.ndarray:
        """Drawn-out skin loses its texture: lay clean skin over it, rounded by light, with a line of lashes below."""
        across = np.clip(1 - np.abs(a) / np.float32(self.axes.half), 0, 1)
        share = smoothstep(1.1, 2.0, stretch) * smoothstep(0.0, 0.3, t) * (1 - smoothstep(0.92, 1.0, t)) * (b < lid_up)
        share *= smoothstep(0.0, 0.7, across)
        index = (a - np.float32(self.upper.start)) * np.float32(1 / self.upper.step)
        skin = cv2.remap(self.skin, index, np.zeros_like(index), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        light = 0.93 + 0.11 * np.sin(np.pi * np.clip(t, 0, 1)) - 0.10 * t
        lids = lids + (skin * light[..., None] - lids) * (0.92 * share)[..., None]
        line = np.exp(-(((b - lid_up) / np.float32(0.35 * self.lash + 0.5)) ** 2)) * smoothstep(0, 0.25, across)
        return lids * (1 - np.float32(0.3 * max(shut, 0) ** 2) * line)[..., None]

    def _turned(self, a, b, shift) -> np.ndarray:
        """The eyeball, its iris moved by `shift` px as a disc, the white giving way to both sides."""
        away = np.hypot(a - (self.iris[0] + shift[0]), b - (self.iris[1] + shift[1]))
        give = max(1.6 * float(np.hypot(*shift)), 0.9 * self.radius)
        rigid = np.clip(1 - (away - np.float32(1.08 * self.radius)) / np.float32(give), 0, 1)
        source = self.axes.join(a - np.float32(shift[0]) * rigid, b - np.float32(shift[1]) * rigid)
        index = source - np.array(self.corner, np.float32)
        return resample(self.ball, index, cv2.INTER_CUBIC).astype(np.float32)


def _around(axes: Axes, image: np.ndarray, a: float, top: float, low: float) -> tuple[int, int, int, int]:
    corners = axes.join(np.array((-a, a, -a, a), np.float32), np.array((top, top, low, low), np.float32))
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, image.shape[1::-1])
    return int(x0), int(y0), int(x1), int(y1)


def _eyeball(image, axes, upper, lower, iris, radius) -> tuple[np.ndarray, tuple[int, int]]:
    """The eye without lids: what is seen of it, its white carried on outwards, its iris made a full disc."""
    low = max(float(lower.table.max()), float(iris[1]) + 1.4 * radius) + radius
    top = min(float(upper.table.min()), float(iris[1]) - 1.4 * radius) - radius
    x0, y0, x1, y1 = _around(axes, image, 1.3 * axes.half, top, low)
    crop = np.ascontiguousarray(image[y0:y1, x0:x1])
    x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
    a, b = axes.split(cv2.merge([x, y]))
    inside = np.minimum(b - upper(a), lower(a) - b)  # > 0 in the opening
    away = np.hypot(a - iris[0], b - iris[1])
    seen = inside > 0.08 * radius + 0.5
    unknown = (~seen | (away < 1.15 * radius)).astype(np.uint8)
    white = cv2.inpaint(crop, unknown, 3, cv2.INPAINT_TELEA).astype(np.float32)
    ring = np.clip(away, 0, 1.3 * radius).astype(np.int64)  # mean colour at each whole radius, where it shows
    clear = seen & (away < 1.3 * radius) & (inside > 0.25 * radius)
    count = np.bincount(ring[clear], minlength=ring.max() + 2)
    known = np.flatnonzero(count)
    disc = white
    if len(known) > 2:
        profile = np.stack([np.bincount(ring[clear], crop[..., c][clear], ring.max() + 2) for c in range(3)], -1)
        profile = profile[known] / count[known, None]
        disc = np.stack([np.interp(away, known + 0.5, profile[:, c]) for c in range(3)], -1).astype(np.float32)
    cover = (1 - smoothstep(0.95 * radius, 1.12 * radius, away))[..., None]
    ball = white + (disc - white) * cover
    keep = smoothstep(0, 0.16 * radius + 0.6, inside)[..., None]
    ball = ball * (1 - keep) + crop * keep
    return np.rint(np.clip(ball, 0, 255)).astype(np.uint8), (x0, y0)


def _lid_skin(image, axes, upper, lower, fold, brow, unit) -> np.ndarray:
    """Colour of the drawn-out lid along the eye: its own strip below the fold, as far as it shows, else the skin above.

    Where the brow leaves no room above the fold, the skin below the eye stands in for that.
    """
    room = float(np.clip((fold.table[0][len(fold.grid) // 2] - brow) / unit, 0, 1))

    def along(edge: np.ndarray, low: float, high: np.ndarray | float, part: int = 60) -> np.ndarray:
        share = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
        rows = edge + (low + (high - low) * share) * np.float32(unit)
        points = axes.join(np.broadcast_to(upper.grid, rows.shape), rows)
        samples = resample(image, points.astype(np.float32))
        return np.percentile(samples.astype(np.float32), part, axis=0)[None].astype(np.float32)

    above, below = along(fold.table, -min(0.05, 0.5 * room), -0.01), 0.9 * along(lower.table, 0.06, 0.11)
    span = (upper.table - fold.table) / unit
    own = along(fold.table, 0.0, np.maximum(span - _LASH, 0.3 * span), 80)  # the brighter part: no lashes
    colour = below + (above - below) * smoothstep(0.04, 0.09, room)
    colour += (own - colour) * (_OWN * smoothstep(0.5, 2.5, (span - _LASH) * unit))[..., None]
    return cv2.GaussianBlur(colour, (0, 0), 0.3 * axes.half / upper.step, borderType=cv2.BORDER_REPLICATE)
