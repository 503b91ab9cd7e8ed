"""What a tracked face does: expression in head units, pose, opening of the eyes, direction of the gaze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.faces import euler, fit_pose, to_head, topology

EYE_RADIUS = 0.4  # of the eyeball, in widths of the eye's opening
_EYES = (
    (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER, topology.LEFT_IRIS[0]),
    (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, topology.RIGHT_IRIS[0]),
)


@dataclass(frozen=True)
class Observed:
    """T frames of one face.

    Attributes:
        head: float32 (T, 478, 3), landmarks in head units.
        rotation: (T, 3, 3); translation: (T, 3), pixels; scale: (T,), pixels per head unit.
        eyes: (T, 2), height of the openings of the left and right eye, in their widths.
        gaze: (T, 2), right and down in radians, of both eyes against the head.
    """

    head: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    scale: np.ndarray
    eyes: np.ndarray
    gaze: np.ndarray


def observe(landmarks: np.ndarray) -> Observed:
    """From landmarks (T, 478, 3) in pixels."""
    poses = [fit_pose(frame) for frame in landmarks]
    head = np.stack([to_head(frame, pose) for frame, pose in zip(landmarks, poses, strict=True)])
    return Observed(
        head.astype(np.float32),
        np.stack([pose.rotation for pose in poses]),
        np.stack([pose.translation for pose in poses]),
        np.array([pose.scale for pose in poses]),
        eye_openings(head),
        gaze_angles(head),
    )


def eye_openings(head: np.ndarray) -> np.ndarray:
    """Heights (T, 2) of the openings of the left and right eye, in their widths, of head-unit landmarks (T, 478, 3)."""
    heights = [
        (head[:, lower[2:-2], 1] - head[:, upper[2:-2], 1]).mean(1) / _width(head, upper) for upper, lower, _ in _EYES
    ]
    return np.stack(heights, 1)


def gaze_angles(head: np.ndarray) -> np.ndarray:
    """Right and down (T, 2) in radians, both eyes together: the iris on an eyeball, against the middle of its eye."""
    offsets = [
        (head[:, iris, :2] - head[:, [upper[0], upper[-1]], :2].mean(1)) / _width(head, upper)[:, None]
        for upper, _, iris in _EYES
    ]
    return np.arcsin(np.clip(np.mean(offsets, axis=0) / EYE_RADIUS, -1, 1))


def _width(head: np.ndarray, upper: np.ndarray) -> np.ndarray:
    return np.linalg.norm(head[:, upper[0]] - head[:, upper[-1]], axis=1)


def pose_change(seen: Observed, rotation: np.ndarray, translation: np.ndarray, scale: float) -> np.ndarray:
    """Pose (T, 6) as in `FaceMotion`, against a reference's rotation (3, 3), translation (3,) and scale."""
    angles = np.array([euler(frame @ rotation.T) for frame in seen.rotation])
    moved = (seen.translation[:, :2] - translation[:2]) / scale
    return np.concatenate([angles, moved, np.log(seen.scale / scale)[:, None]], 1)
