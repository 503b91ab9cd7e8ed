"""The space of expressions: a few components of landmark displacement, named directions in it, emotions.

Displacements are in head units against a person's own neutral face; lids and irises take no part (blink and gaze have
their own channels), so the components fade to nothing around the eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....core.faces import topology

UPPER, LOWER = topology.LIPS_UPPER_INNER[1:-1], topology.LIPS_LOWER_INNER[1:-1]  # 9 pairs, corners left out


@dataclass(frozen=True)
class Basis:
    """Expression components.

    Attributes:
        components: float32 (k, 478, 3); a coefficient of 1 is one standard deviation of tracked speech.
        lower: how many of them, from the first, belong to mouth, jaw and cheeks; the rest to the brows.
        directions: named unit moves (k,), so that e.g. "open" 0.05 parts the lips by 0.05.
        emotions: displacement (478, 3) of each emotion at level 1.
    """

    components: np.ndarray
    lower: int
    directions: Mapping[str, np.ndarray]
    emotions: Mapping[str, np.ndarray]

    def shape(self, coefficients: np.ndarray) -> np.ndarray:
        """Coefficients (…, k) → displacement (…, 478, 3)."""
        flat = coefficients.astype(np.float32) @ self.components.reshape(len(self.components), -1)
        return flat.reshape(*coefficients.shape[:-1], topology.POINTS, 3)

    def coefficients(self, shape: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
        """Displacement (…, 478, 3) → coefficients (…, k): least squares weighted toward lips and brows."""
        weight = np.sqrt(importance())[:, None]
        basis = (self.components * weight).reshape(len(self.components), -1).astype(np.float64)
        flat = (shape * weight).reshape(*shape.shape[:-2], -1)
        return flat @ basis.T @ np.linalg.inv(basis @ basis.T + ridge * np.eye(len(basis)))


def lip_gap(landmarks: np.ndarray) -> np.ndarray:
    """Head-unit landmarks (…, 478, 3) → signed height of the opening (…, 9) between inner lips; negative: pressed."""
    return landmarks[..., LOWER, 1] - landmarks[..., UPPER, 1]


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _distance_to(points: np.ndarray) -> np.ndarray:
    mean = topology.MEAN_FACE[:, :2]
    return np.linalg.norm(mean[:, None] - mean[None, points], axis=-1).min(1)


def regions() -> tuple[np.ndarray, np.ndarray]:
    """Share (478,) of every landmark in the lower and in the upper face; both vanish at lids and irises."""
    eyes = np.concatenate([topology.LEFT_EYE, topology.RIGHT_EYE, topology.LEFT_IRIS, topology.RIGHT_IRIS])
    free = smoothstep(0.0, 0.12, _distance_to(eyes))
    low = smoothstep(0.05, 0.35, topology.MEAN_FACE[:, 1])
    return (low * free).astype(np.float32), ((1 - low) * free).astype(np.float32)


def importance() -> np.ndarray:
    """Weight (478,) of a landmark's error: lips most, then brows, then the rest."""
    lips = _distance_to(np.concatenate([topology.LIPS_OUTER, topology.LIPS_INNER]))
    brows = _distance_to(np.concatenate([topology.LEFT_BROW, topology.RIGHT_BROW]))
    low, high = regions()
    return low * (0.15 + np.exp(-((lips / 0.1) ** 2))) + high * (0.05 + 0.4 * np.exp(-((brows / 0.1) ** 2)))
