"""A portrait made ready: everything that one photo needs once, before its frames are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ....core.faces import Face, person_matte, topology
from .curve import smoothstep
from .eyes import Eye
from .head import Field, HeadModel, hold_at_borders
from .layers import clean_plate, enlarge, foreground
from .mouth import Mouth
from .seam import is_closed, lip_line
from .warp import Lattice

_FINE, _LARGE = 2, 1_500_000  # texture pixels per pixel of the picture; 1 where the region has more pixels than this
_LEAST, _MOST = 1.4, 2.3  # head units from the face's middle to the sides of the animated region
_BELOW, _SWAY = 1.15, 0.35  # below the chin, around the hair
_LEAST_ROOM = 0.3
_HALO = 0.08, 0.025  # head units around the matte that may hold hair: before a plain wall, before a busy one
_NODES = 16  # lattice nodes per head unit


@dataclass(frozen=True)
class Portrait:
    """What `render` needs.

    Attributes:
        picture: uint8 (H, W, 3), at the output's size.
        box: x0, y0, x1, y1 of the region that may change.
        plate: uint8, that region without the person.
        layer: uint8 premultiplied RGBA of the region, `fine` times larger.
        head: geometry.
        field: what moves the region.
        mouth, eyes: drawn over the moved head; eyes as seen in the picture, left and right.
    """

    picture: np.ndarray
    box: tuple[int, int, int, int]
    plate: np.ndarray
    layer: np.ndarray
    fine: int
    head: HeadModel
    field: Field
    mouth: Mouth
    eyes: tuple[Eye, Eye]

    @property
    def to_layer(self) -> np.ndarray:
        """(2, 3): pixels of the picture → pixels of the layer."""
        return self.fine * np.array(((1, 0, -self.box[0]), (0, 1, -self.box[1])), np.float32)


def prepare(picture: np.ndarray, face: Face, *, size: int | None = None) -> Portrait:
    """Make a photo ready.

    Args:
        picture: uint8 RGB (H, W, 3).
        face: the face to move.
        size: longer side of the output in pixels; the picture's own if None.
    """
    landmarks = face.landmarks
    height, width = picture.shape[:2]
    if size and size != max(height, width):
        scale = size / max(height, width)
        target = (max(round(width * scale), 1), max(round(height * scale), 1))
        picture = cv2.resize(picture, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        landmarks = landmarks * np.array((target[0] / width, target[1] / height, scale), np.float32)
    head = HeadModel.of(landmarks)
    if is_closed(head):
        head = replace(head, seam=lip_line(picture, head.mouth, head.seam, head.unit))
    matte = _matte(picture, landmarks, head.unit)
    room = float(hold_at_borders(matte, landmarks[topology.OVAL, :2], head.unit).min())
    head = replace(head, room=max(room, _LEAST_ROOM))
    box = _region(matte, head)
    x0, y0, x1, y1 = box
    crop = np.ascontiguousarray(picture[y0:y1, x0:x1])
    own = matte[y0:y1, x0:x1]
    plate = clean_plate(crop, own, max(2, round(_halo(crop, own, head.unit) * head.unit)))

    fine = _FINE if crop.shape[0] * crop.shape[1] <= _LARGE else 1

    def share(points: np.ndarray) -> np.ndarray:
        return hold_at_borders(own, points - np.array((x0, y0), np.float32), head.unit)

    lattice = Lattice.over(x0, y0, x1, y1, max(head.unit / _NODES, 1.0))
    return Portrait(
        picture=picture,
        box=box,
        plate=plate,
        layer=enlarge(foreground(crop, own, plate), fine),
        fine=fine,
        head=head,
        field=head.field(lattice, share(lattice.nodes().reshape(-1, 2))),
        mouth=Mouth.of(picture, head, white(picture, landmarks), share),
        eyes=Eye.pair(picture, landmarks, head.unit),
    )


def _region(matte: np.ndarray, head: HeadModel) -> tuple[int, int, int, int]:
    """The part of the picture that a moving head can touch: the head with its hair, down to the chest."""
    height, width = matte.shape
    points = head.landmarks[topology.OVAL, :2]
    middle, chin, unit = points.mean(0), points[:, 1].max(), head.unit
    above = matte[: max(int(chin), 1)] > 0.1
    x0, x1 = middle[0] - _LEAST * unit, middle[0] + _LEAST * unit
    columns = np.flatnonzero(above.any(0))
    rows = np.flatnonzero(above[:, max(int(x0), 0) : int(x1) + 1].any(1))
    x0 = min(x0, max(columns.min() - _SWAY * unit, middle[0] - _MOST * unit))
    x1 = max(x1, min(columns.max() + _SWAY * unit, middle[0] + _MOST * unit))
    y0 = min(points[:, 1].min() - _SWAY * unit, max(rows.min() - _SWAY * unit, middle[1] - (_MOST + 0.6) * unit))
    y1 = chin + _BELOW * unit
    return max(int(x0), 0), max(int(y0), 0), min(int(x1) + 1, width), min(int(y1) + 1, height)


def _matte(picture: np.ndarray, landmarks: np.ndarray, unit: float) -> np.ndarray:
    """float32 (H, W); 1 throughout the face."""
    matte = person_matte(picture)
    face = np.zeros(matte.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(landmarks[topology.OVAL, :2]).astype(np.int32)), (1,))
    return np.maximum(matte, cv2.GaussianBlur(face.astype(np.float32), (0, 0), max(0.02 * unit, 0.5)))


def _halo(image: np.ndarray, matte: np.ndarray, unit: float) -> float:
    """Head units around the matte to take for the person's: few where the background has lines that it would cut."""
    kernel = np.ones((2 * int(0.1 * unit) + 1,) * 2, np.uint8)
    person = (matte > 0.03).astype(np.uint8)
    near = cv2.dilate(person, kernel, iterations=4) > cv2.dilate(person, kernel)
    if not near.any():
        return _HALO[0]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.abs(grey - cv2.blur(grey, kernel.shape))[near].mean()
    return _HALO[0] + (_HALO[1] - _HALO[0]) * float(smoothstep(2.0, 10.0, detail))


def white(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """RGB float32 (3,): what white looks like in the light on the face, judged by the eyes and the skin."""
    points = np.rint(landmarks[:, :2]).astype(np.int32)
    mask = np.zeros(picture.shape[:2], np.uint8)
    for eye, iris in ((topology.LEFT_EYE, topology.LEFT_IRIS), (topology.RIGHT_EYE, topology.RIGHT_IRIS)):
        cv2.fillPoly(mask, [points[eye]], (1,))
        radius = np.hypot(*(landmarks[iris[1:], :2] - landmarks[iris[0], :2]).T).mean()
        cv2.circle(mask, tuple(int(v) for v in points[iris[0]]), round(1.15 * float(radius)), (0,), -1)
    cheeks = picture[np.clip(points[[50, 280, 205, 425, 101, 330], 1], 0, picture.shape[0] - 1),
                     np.clip(points[[50, 280, 205, 425, 101, 330], 0], 0, picture.shape[1] - 1)]  # fmt: skip
    skin = float(np.median(cheeks.mean(-1)))
    sclera = picture[mask > 0]
    colour = np.full(3, skin, np.float32)
    if len(sclera) >= 8:
        bright = sclera[np.argsort(sclera.mean(-1))[int(0.7 * len(sclera)) : int(0.97 * len(sclera)) + 1]]
        colour = np.median(bright, 0).astype(np.float32)
    paper = float(np.percentile(picture[::4, ::4].mean(-1), 95))  # photographers place the brightest parts near white
    level = np.clip(max(1.3 * colour.mean(), 1.05 * skin, 0.62 * paper), 40, 235)
    tint = colour / max(colour.mean(), 1)
    return (level * (0.5 + 0.5 * tint)).astype(np.float32)
