"""How each part of the picture moves with the head: depth, expression, the fade through the neck to a still torso."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ....core.faces import Pose, euler, fit_pose, from_euler, topology
from .curve import Axes, Curve, smoothstep
from .warp import Lattice, determinant, thin_plate

CONTROLS = 468  # the mesh; gaze moves the irises
LEAST_AREA = 0.1  # Jacobian determinant that a moved face keeps everywhere
_STEEP = 1.4  # slope of the depth
_SMOOTH = 8e-3  # of the expression, against the landmarks' jitter
_HOLD = 0.45  # head units from a border that cuts the person off, within which their motion dies out
_CUT = 1.5  # how far apart, in units of the opening's own coordinate, the two sides of the lips stand
_UPPER, _LOWER = topology.LIPS_UPPER_INNER[1:-1], topology.LIPS_LOWER_INNER[1:-1]
_CHIN, _FOREHEAD = 152, 10


@dataclass(frozen=True)
class Field:
    """A lattice and what moves it.

    Attributes:
        lattice: the n nodes.
        points: float32 (n, 3), the nodes with their depth against the head's origin, pixels.
        fade: float32 (n, 1), share of the head's rigid motion: 1 on the head, 0 on the torso.
        face: (m,), nodes that expression moves.
        weights: float32 (m, 468), their expression from that of the landmarks; already faded.
        whole: bool (rows, columns), nodes whose neighbours all lie on their side of the lips.
    """

    lattice: Lattice
    points: np.ndarray
    fade: np.ndarray
    face: np.ndarray
    weights: np.ndarray
    whole: np.ndarray


@dataclass(frozen=True)
class HeadModel:
    """The portrait's head as geometry.

    Attributes:
        landmarks: float32 (478, 3) pixels, as found.
        pose: of those landmarks.
        mouth, seam: axes through the inner corners of the mouth, and the line between the lips in them.
        room: share of the asked rigid motion that is made: less where the picture cuts the head off.
    """

    landmarks: np.ndarray
    pose: Pose
    mouth: Axes
    seam: Curve
    room: float = 1.0

    @classmethod
    def of(cls, landmarks: np.ndarray) -> HeadModel:
        """From landmarks (478, 3); the seam half way between the inner rims of the lips."""
        points = landmarks[:, :2]
        mouth = Axes.between(points[78], points[308])
        a, b = mouth.split((points[topology.LIPS_UPPER_INNER] + points[topology.LIPS_LOWER_INNER]) / 2)
        seam = Curve.through(a, b, reach=3 * mouth.half, step=max(mouth.half / 60, 0.5))
        return cls(landmarks, fit_pose(landmarks), mouth, seam)

    @property
    def unit(self) -> float:
        """Pixels per head unit."""
        return self.pose.scale

    def _local(self, points: np.ndarray) -> np.ndarray:
        """Pixels (n, 2) → head units against the head's origin, turned upright."""
        roll = euler(self.pose.rotation)[2]
        cos, sin = np.cos(roll), np.sin(roll)
        return (points - self.pose.translation[:2]) @ np.array([[cos, -sin], [sin, cos]]) / self.unit

    def _embed(self, points: np.ndarray, side: np.ndarray | int) -> np.ndarray:
        """Pixels (n, 2) → (n, 3): head units and a third coordinate that parts the lips.

        The third is the real part of √(w² - z²) less its slope far off: ±√(w² - a²) on the two sides of a slit of half
        length w, smooth everywhere else, nought beyond the corners and far away.

        Args:
            side: +1: at or above the seam, points below it are taken to it; -1 the reverse; 0: by their own place.
        """
        a, b = self.mouth.split(points.astype(np.float64))
        line = np.interp(a, self.seam.grid, self.seam.table[0])
        b = b - line
        beyond = smoothstep(0, 0.15 * self.unit, np.abs(a) - self.mouth.half)  # past the corners nothing parts
        edge = np.where(side > 0, -1e-6, 1e-6) * (1 - beyond) + b * beyond
        b = np.where((np.asarray(side) == 0) | (side * b < 0), b, edge)
        root = np.sqrt(self.mouth.half**2 - (a + 1j * b) ** 2).real
        apart = np.where(b < 0, root, -root) + b
        return np.c_[self.mouth.join(a, b + line) / self.unit, _CUT * apart / self.unit]

    def _expression_weights(self, nodes: np.ndarray, side: int = 0) -> np.ndarray:
        """(n, 468): displacement of nodes (n, 2) px from that of the landmarks; nought away from the face."""
        points = self.landmarks[:CONTROLS, :2].astype(np.float64)
        sides = np.zeros(CONTROLS)
        sides[_UPPER], sides[_LOWER] = 1, -1
        smoothing = np.full(CONTROLS, _SMOOTH)
        smoothing[topology.LIPS_OUTER], smoothing[topology.LIPS_INNER] = _SMOOTH / 10, 1e-7
        ring = self._ring(1.55, 0.55)
        sources = np.r_[self._embed(points, sides), self._embed(ring, 0)]
        weights = thin_plate(sources, self._embed(nodes, side), np.r_[smoothing, np.full(len(ring), 1e-4)])
        return weights[:, :CONTROLS] * self._expression_fade(nodes)[:, None].astype(np.float32)

    def _ring(self, widen: float, below: float) -> np.ndarray:
        """Points (n, 2) px around the face: its oval, widened, and lowered by `below` head units at the chin."""
        oval = self.landmarks[topology.OVAL, :2].astype(np.float64)
        centre = oval.mean(0)
        down = (oval[18] - oval[0]) / np.hypot(*(oval[18] - oval[0]))
        lower = np.clip((oval - centre) @ down / ((oval[18] - centre) @ down), 0, 1)[:, None]
        return centre + (oval - centre) * (widen + (1 - widen) * 0.6 * lower**4) + down * lower**2 * below * self.unit

    def _expression_fade(self, nodes: np.ndarray) -> np.ndarray:
        oval = self.landmarks[topology.OVAL, :2].astype(np.float64)
        inner, outer = self._radius(nodes, oval), self._radius(nodes, self._ring(1.55, 0.55))
        return 1 - smoothstep(0, 1, (inner - 1) / np.maximum(inner - 1 + 1 - outer, 1e-3)) * (inner > 1)

    @staticmethod
    def _radius(nodes: np.ndarray, contour: np.ndarray) -> np.ndarray:
        """Distance of nodes from the contour's middle in units of the contour's own, in their direction."""
        centre = contour.mean(0)
        reach, angle = np.hypot(*(contour - centre).T), np.arctan2(*(contour - centre).T[::-1])
        order = np.argsort(angle)
        to = nodes - centre
        return np.hypot(*to.T) / np.interp(np.arctan2(*to.T[::-1]), angle[order], reach[order], period=2 * np.pi)

    def field(self, lattice: Lattice, share: np.ndarray, side: int = 0) -> Field:
        """What moves a lattice.

        Args:
            share: (n,) of the motion that each node makes; see `hold_at_borders`.
            side: +1 or -1 continues the upper or the lower lip over the seam.
        """
        nodes = lattice.nodes().reshape(-1, 2)
        a, b = self.mouth.split(nodes)
        across = (b - np.interp(a, self.seam.grid, self.seam.table[0])) / lattice.step
        beyond = np.abs(a) > self.mouth.half + 1.5 * lattice.step
        whole = (np.abs(across) > 1.5) | beyond if side == 0 else side * across < -1.5
        face = np.flatnonzero(self._expression_fade(nodes) * share > 0)
        return Field(
            lattice,
            points=np.c_[nodes, self._depth(lattice)],
            fade=(self._fade(nodes) * share)[:, None],
            face=face,
            weights=self._expression_weights(nodes[face], side) * share[face, None],
            whole=whole.reshape(lattice.rows, lattice.columns),
        )

    def _depth(self, lattice: Lattice) -> np.ndarray:
        """The mesh's own depth in the face; around it a skull that falls back to its silhouette and on evenly.

        Nowhere steeper than `_STEEP`, or a turn of the head would fold the sides of the face over.
        """
        z = self.landmarks[:CONTROLS, 2] - self.pose.translation[2]
        back = max(z[234], z[454])
        near, far = self._ring(1.3, 0.0), self._ring(1.8, 0.0)
        points = np.r_[self.landmarks[:CONTROLS, :2], near, far] / self.unit
        values = np.r_[z, np.full(len(near) + len(far), back)]
        weights = thin_plate(points, lattice.nodes().reshape(-1, 2) / self.unit, 3e-3)
        depth = np.clip(weights @ values.astype(np.float32), z.min(), back).reshape(lattice.rows, lattice.columns)
        rise = np.float32(_STEEP * lattice.step)
        for _ in range(int(2 * self.unit / lattice.step)):
            padded = np.pad(depth, 1, mode="edge")
            beside = np.minimum.reduce([padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]])
            if (depth <= beside + rise).all():
                break
            depth = np.minimum(depth, beside + rise)
        return cv2.GaussianBlur(depth, (0, 0), 0.05 * self.unit / lattice.step, borderType=cv2.BORDER_REPLICATE).ravel()

    def _fade(self, nodes: np.ndarray) -> np.ndarray:
        chin = self._local(self.landmarks[[_CHIN], :2])[0, 1]
        below = self._local(nodes)[:, 1] - chin
        return (1 - smoothstep(-0.02, 1.05, below)).astype(np.float32)

    def motion(self, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A row of `FaceMotion.pose` → turn (2, 3), origin (2,): px = origin + (point - pose.translation) @ turn.T."""
        rest, pose = euler(self.pose.rotation), self.room * np.asarray(pose, np.float64)
        turn = from_euler(*(rest[i] + float(pose[i]) for i in range(3))) @ self.pose.rotation.T
        origin = self.pose.translation[:2] + self.unit * pose[3:5]
        return np.exp(pose[5]) * turn[:2], origin

    def moved(self, shape: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Where the landmarks of one frame should be: (478, 2) px, for shape (478, 3) and a pose row (6,)."""
        turn, origin = self.motion(pose)
        points = self.landmarks - self.pose.translation + self.unit * shape @ self.pose.rotation.T
        return points @ turn.T + origin


def hold_at_borders(matte: np.ndarray, points: np.ndarray, unit: float) -> np.ndarray:
    """(n,) share of motion of points (n, 2): 0 where a border of the matte (h, w) cuts the person, 1 well inside."""
    height, width = matte.shape
    reach = _HOLD * unit
    share = np.ones(len(points), np.float32)
    x, y = points.T
    borders = (matte[0], x, y), (matte[-1], x, height - 1 - y), (matte[:, 0], y, x), (matte[:, -1], y, width - 1 - x)
    for border, along, inside in borders:
        cut = cv2.dilate(border[None].copy(), np.ones((1, 2 * int(1.2 * reach) + 1), np.uint8))
        cut = cv2.GaussianBlur(cut, (0, 0), reach / 2, borderType=cv2.BORDER_REPLICATE)[0]
        cut = smoothstep(0.05, 0.95, np.interp(along, np.arange(len(cut)), cut))
        share *= 1 - cut * (1 - smoothstep(0, reach, inside))
    return share.astype(np.float32)


class Mover:
    """Moves fields of one head by one frame's motion."""

    def __init__(self, head: HeadModel, shape: np.ndarray, pose: np.ndarray) -> None:
        self._head, self._pose = head, np.asarray(pose, np.float64)
        self._moved = head.unit * shape[:CONTROLS] @ head.pose.rotation.T
        self.rest = head.pose.translation
        self._aim()

    def _aim(self) -> None:
        self.turn, self.origin = self._head.motion(self._pose)
        self.shift = (self._moved @ self.turn.T).astype(np.float32)
        self._known: dict[int, np.ndarray] = {}

    def point(self, point: np.ndarray) -> np.ndarray:
        """Where a point (3,) px that is fixed to the skull has gone, (2,) px."""
        return (point - self.rest) @ self.turn.T + self.origin

    def affine(self, depth: float, shift: np.ndarray | float = 0.0) -> np.ndarray:
        """(2, 3): pixels of the photo → of the frame, for a plane at `depth` px fixed to the skull, then shifted."""
        offset = self.origin - self.turn @ (*self.rest[:2], self.rest[2] - depth) + shift
        return np.c_[self.turn[:, :2], offset]

    def damp(self, *fields: Field) -> None:
        """Scale the motion down, as little as keeps every cell's area above `LEAST_AREA` of its own."""
        while min(self._areas(self._rigid(field), field).min() for field in fields) < LEAST_AREA:
            self._pose = 0.95 * self._pose
            self._aim()
        for field in fields if self.shift.any() else ():
            while (area := self._areas(self(field), field)).min() < LEAST_AREA and np.abs(self.shift).max() > 0.01:
                rest = self._areas(self._rigid(field), field)
                bad = (area < LEAST_AREA) & (rest > area)
                share = (rest - LEAST_AREA)[bad] / (rest - area)[bad]
                self.shift = self.shift * np.float32(np.clip(share.min(initial=0.97), 0, 0.97))
                self._known.clear()

    @staticmethod
    def _areas(positions: np.ndarray, field: Field) -> np.ndarray:
        return determinant(positions, field.lattice.step)[field.whole]

    def __call__(self, field: Field) -> np.ndarray:
        """Positions (rows, columns, 2) of a field's nodes."""
        if id(field) not in self._known:
            moved = self._rigid(field)
            moved.reshape(-1, 2)[field.face] += field.weights @ self.shift
            self._known[id(field)] = moved
        return self._known[id(field)]

    def _rigid(self, field: Field) -> np.ndarray:
        turn, origin = self.turn.astype(np.float32), self.origin.astype(np.float32)
        nodes = field.points[:, :2]
        rigid = field.points @ turn.T + (origin - turn[:, :2] @ self.rest[:2].astype(np.float32))
        return (nodes + field.fade * (rigid - nodes)).reshape(field.lattice.rows, field.lattice.columns, 2)
