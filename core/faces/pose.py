"""Head pose: a similarity between the mean face and the landmarks of a picture (weak perspective).

Least squares after Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI
1991. Axes: x right, y down, z away from the camera. The mesh's z is taken as it is: over real clips of turning heads,
the depth that best explains how points move in the picture is 1.0 to 1.1 times the mesh's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .topology import MEAN_FACE, RIGID


@dataclass(frozen=True)
class Pose:
    """`landmarks = scale * head @ rotation.T + translation`, scale and translation in pixels."""

    rotation: np.ndarray  # (3, 3)
    translation: np.ndarray  # (3,)
    scale: float


def align(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> Pose:
    """The similarity, no reflection, that brings `source` (n, 3) closest to `target` (n, 3); `weights` (n,)."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    share = np.full(len(source), 1 / len(source)) if weights is None else weights / weights.sum()
    source_mean, target_mean = share @ source, share @ target
    centred = source - source_mean
    u, s, vt = np.linalg.svd((share[:, None] * (target - target_mean)).T @ centred)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / (share @ (centred**2).sum(1)))
    return Pose(rotation, target_mean - scale * rotation @ source_mean, scale)


def fit_pose(landmarks: np.ndarray) -> Pose:
    """Pose of the head in a picture, from the points that expression hardly moves.

    Args:
        landmarks: (478, 3) pixels.
    """
    return align(MEAN_FACE[RIGID], np.asarray(landmarks)[RIGID])


def to_head(landmarks: np.ndarray, pose: Pose) -> np.ndarray:
    """Landmarks (n, 3) in pixels → head units (outer eye corners of the mean face 1 apart)."""
    return (landmarks - pose.translation) @ pose.rotation / pose.scale


def to_image(head: np.ndarray, pose: Pose) -> np.ndarray:
    """Head units (n, 3) → pixels; the inverse of `to_head`."""
    return pose.scale * head @ pose.rotation.T + pose.translation


def from_euler(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix (3, 3): pitch, then yaw, then roll, about fixed axes of the picture.

    Args:
        yaw: radians, > 0 turns the face to the picture's right.
        pitch: radians, > 0 turns it down.
        roll: radians, > 0 turns it clockwise in the picture.
    """
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def euler(rotation: np.ndarray) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in radians; the inverse of `from_euler` for |yaw| < π/2."""
    r = rotation
    return (
        float(np.arctan2(r[2, 0], np.hypot(r[2, 1], r[2, 2]))),
        float(np.arctan2(r[2, 1], r[2, 2])),
        float(np.arctan2(r[1, 0], r[0, 0])),
    )
