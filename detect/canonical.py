"""Two still views of a moving face: cut upright at one scale, and unwrapped so that every pixel stays on its skin."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from ..core.faces import euler, fit_pose, topology

CROP_SIZE, CROP_UNIT = 256, 96.0  # px; px per head unit (outer eye corners of the mean face 1 apart)
SKIN_UNIT, SKIN_HEIGHT, SKIN_WIDTH = 80.0, 168, 144  # px per head unit, px, px


def upright(luma: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut the head out, upright and at one scale.

    Args:
        luma: float32 (H, W).
        landmarks: (478, 3) pixels.

    Returns:
        float32 (256, 256), NaN outside the picture, and the landmarks in it, float32 (478, 2).
    """
    pose = fit_pose(landmarks)
    roll = euler(pose.rotation)[2]
    scale = CROP_UNIT / pose.scale
    luma, landmarks, scale = _shrink(luma, landmarks, scale)
    c, s = scale * np.cos(roll), scale * np.sin(roll)
    centre = landmarks[topology.OVAL, :2].mean(0)
    turn = np.array([[c, s], [-s, c]])
    matrix = np.hstack([turn, (CROP_SIZE / 2 - turn @ centre)[:, None]])
    crop = cv2.warpAffine(
        luma,
        matrix,
        (CROP_SIZE, CROP_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(np.nan,),
    )
    return crop, (landmarks[:, :2] @ turn.T + matrix[:, 2]).astype(np.float32)


def unwrap(luma: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Lay the face's surface onto the frontal mean face: float32 (168, 144); mirrored at the picture's edge."""
    scale = SKIN_UNIT / fit_pose(landmarks).scale
    luma, landmarks, _ = _shrink(luma, landmarks, scale)
    corners, weights, _, _ = _atlas()
    where = np.einsum("hwk,hwkd->hwd", weights, landmarks[corners][..., :2]).astype(np.float32)
    return cv2.remap(luma, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def skin_mask() -> np.ndarray:
    """Where an unwrapped face is skin that talking does not uncover: bool (168, 144); no eyes, lips or rim."""
    return _atlas()[2]


def lips_mask() -> np.ndarray:
    """Where an unwrapped face is lips and what they open on: bool (168, 144)."""
    return _atlas()[3]


def region_masks(landmarks: np.ndarray, surroundings: bool = True) -> dict[str, np.ndarray]:
    """Masks bool (256, 256) of an upright crop: `face` (without mouth), `mouth`, `around` (clear of the head).

    Without `surroundings` the last is empty, which saves the widest of the dilations.
    """

    def fill(points: np.ndarray, grow: int) -> np.ndarray:
        mask = np.zeros((CROP_SIZE, CROP_SIZE), np.uint8)
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], (1,))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow) + 1,) * 2)
        return (cv2.dilate if grow > 0 else cv2.erode)(mask, kernel).astype(bool)

    mouth = fill(landmarks[topology.LIPS_OUTER], 6)
    oval = landmarks[topology.OVAL]
    around = ~fill(oval, 24) if surroundings else np.zeros_like(mouth)
    around[int(oval[:, 1].max()) :] = False  # neck and shoulders move with the head
    return {"face": fill(oval, -6) & ~mouth, "mouth": mouth, "around": around}


def _shrink(luma: np.ndarray, landmarks: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Where `scale` would skip pixels, average them around the face first, so that nothing aliases."""
    if scale >= 0.75:
        return luma, landmarks, scale
    span = 1.7 / scale * CROP_UNIT
    x, y = landmarks[topology.OVAL, :2].mean(0)
    left, top = max(0, int(x - span)), max(0, int(y - span))
    cut = luma[top : max(top + 1, int(y + span)), left : max(left + 1, int(x + span))]
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    factor = np.array([small.shape[1] / cut.shape[1], small.shape[0] / cut.shape[0]])
    moved = landmarks.astype(np.float64).copy()
    moved[:, :2] = (moved[:, :2] - [left, top] + 0.5) * factor - 0.5
    return small, moved, scale / float(factor.mean())


@cache
def _atlas() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel of the unwrapped face: its triangle's corners, their weights, whether it is skin, or lips."""
    points = topology.MEAN_FACE[:, :2].astype(np.float64)
    middle = (topology.MEAN_FACE[:468, :2].min(0) + topology.MEAN_FACE[:468, :2].max(0)) / 2
    points = (points - middle) * SKIN_UNIT + [SKIN_WIDTH / 2, SKIN_HEIGHT / 2]
    owner = np.full((SKIN_HEIGHT, SKIN_WIDTH), -1, np.int32)
    depth = topology.MEAN_FACE[:, 2][topology.TRIANGLES].mean(1)
    for triangle in np.argsort(-depth):  # nearest painted last
        cv2.fillConvexPoly(owner, np.round(points[topology.TRIANGLES[triangle]]).astype(np.int32), (int(triangle),))
    inside = owner >= 0
    corners = topology.TRIANGLES[np.maximum(owner, 0)]  # h w 3
    a, b, c = (points[corners[..., k]] for k in range(3))
    x, y = np.meshgrid(np.arange(SKIN_WIDTH), np.arange(SKIN_HEIGHT))
    p = np.stack([x, y], -1) - c
    (ux, uy), (vx, vy) = np.moveaxis(a - c, -1, 0), np.moveaxis(b - c, -1, 0)
    det = ux * vy - vx * uy
    det = np.where(np.abs(det) < 1e-9, 1e-9, det)
    first, second = (p[..., 0] * vy - vx * p[..., 1]) / det, (ux * p[..., 1] - p[..., 0] * uy) / det
    weights = np.clip(np.stack([first, second, 1 - first - second], -1), -0.5, 1.5)

    skin = cv2.erode(inside.astype(np.uint8), np.ones((13, 13), np.uint8))
    holes = np.zeros_like(skin)
    lips = np.zeros_like(skin)
    cv2.fillPoly(lips, [np.round(points[topology.LIPS_OUTER]).astype(np.int32)], (1,))
    for loop in (topology.LEFT_EYE, topology.RIGHT_EYE):
        cv2.fillPoly(holes, [np.round(points[loop]).astype(np.int32)], (1,))
    skin[cv2.dilate(np.maximum(holes, lips), np.ones((11, 11), np.uint8)) > 0] = 0
    skin[(weights.min(-1) < -0.1) | ~inside] = 0  # slivers of triangles at the nostrils
    return corners, weights, skin.astype(bool), cv2.dilate(lips, np.ones((7, 7), np.uint8)).astype(bool)
