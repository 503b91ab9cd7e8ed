"""How published detectors cut a face out, where `CropRecipe` cannot say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...core.faces import Face, topology

# ArcFace's five points in its 112 px template: eyes, tip of the nose, corners of the mouth
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


class Recipe(Protocol):
    """How a face is cut out: as `CropRecipe` says it, or as below."""

    def matrix(self, face: Face) -> np.ndarray: ...

    @property
    def width_height(self) -> tuple[int, int]: ...


@dataclass(frozen=True)
class AlignedRecipe:
    """Eyes, nose and mouth brought onto ArcFace's template, with `scale` times its room (DeepfakeBench)."""

    size: int
    scale: float = 1.3

    @property
    def width_height(self) -> tuple[int, int]:
        return self.size, self.size

    def matrix(self, face: Face) -> np.ndarray:
        points = face.landmarks[:, :2].astype(np.float64)
        eyes = [points[loop].mean(0) for loop in (topology.LEFT_EYE, topology.RIGHT_EYE)]
        seen = np.array([*eyes, points[1], points[61], points[291]]) @ [1, 1j]
        wanted = ((TEMPLATE / 112 - 0.5) / self.scale + 0.5) @ [1, 1j] * self.size
        turn = np.vdot(seen - seen.mean(), wanted - wanted.mean()) / np.vdot(seen - seen.mean(), seen - seen.mean())
        off = wanted.mean() - turn * seen.mean()
        return np.array([[turn.real, -turn.imag, off.real], [turn.imag, turn.real, off.imag]])


@dataclass(frozen=True)
class BoxRecipe:
    """The face's box with a `margin` of its sides around, as a square, or stretched into one."""

    size: int
    margin: float
    stretch: bool = False

    @property
    def width_height(self) -> tuple[int, int]:
        return self.size, self.size

    def matrix(self, face: Face) -> np.ndarray:
        low, high = np.array(face.box[:2]), np.array(face.box[2:])
        sides = (high - low) * (1 + 2 * self.margin)
        scale = self.size / (sides if self.stretch else np.full(2, sides.max()))
        return np.column_stack([np.diag(scale), (self.size - 1) / 2 - scale * (low + high) / 2])
