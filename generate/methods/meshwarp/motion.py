"""What moves, frame by frame: the one thing the motion builders hand to the renderer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class FaceMotion:
    """T frames of face motion against a portrait. Head units: the outer eye corners of the mean face are 1 apart.

    Attributes:
        shape: float32 (T, 478, 3), displacement from the portrait's own neutral face in head units (expression, jaw,
            lips, brows; no blink, no gaze).
        pose: float32 (T, 6), change against the portrait: yaw, pitch, roll (rad), x, y (head units), log scale. x and y
            are those of the head's origin, as `core.faces.Pose` has it: a head that turns about its neck moves its
            origin too, see `neck_shift`.
        gaze: float32 (T, 2), eyes against the head: right, down (rad), change against the portrait.
        blink: float32 (T, 2), closure of the picture's left and right eye: 0 open as in the portrait, 1 shut.
    """

    shape: np.ndarray
    pose: np.ndarray
    gaze: np.ndarray
    blink: np.ndarray

    def __post_init__(self) -> None:
        frames = len(self.shape)
        for field, tail in zip(fields(self), ((478, 3), (6,), (2,), (2,)), strict=True):
            value = getattr(self, field.name)
            if value.shape != (frames, *tail) or value.dtype != np.float32:
                raise ValueError(f"{field.name} must be float32 {(frames, *tail)}, is {value.dtype} {value.shape}")

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, rows: slice) -> FaceMotion:
        """A run of frames; views, no copies."""
        return FaceMotion(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def rest(cls, frames: int) -> FaceMotion:
        """The portrait as it is, `frames` times."""
        return cls(*(np.zeros((frames, *tail), np.float32) for tail in ((478, 3), (6,), (2,), (2,))))

    @classmethod
    def concatenate(cls, parts: Sequence[FaceMotion]) -> FaceMotion:
        """The parts one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


_NECK = np.array((0.0, 0.7, 0.9))  # where heads turn, against their origin; measured in clips of speakers, head units


def neck_shift(angles: np.ndarray) -> np.ndarray:
    """How far the head's origin moves when a head turns about its neck.

    Args:
        angles: (T, 3) yaw, pitch, roll (rad) against the portrait.

    Returns:
        float32 (T, 2), x and y in head units, to be added to `FaceMotion.pose[:, 3:5]` where angles are made up;
        tracked poses hold it already.
    """
    from ....core.faces import from_euler

    return np.array([(_NECK - from_euler(*row) @ _NECK)[:2] for row in np.asarray(angles, np.float64)], np.float32)
