"""The expression basis, learned from tracked clips; its directions by regression; emotions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ....core.faces import Pose, fit_pose, largest_face, to_head, topology
from ....core.media import read_image
from .basis import Basis, importance, lip_gap, regions, smoothstep
from .train_clips import Clip, mirrored

LOWER, UPPER = 14, 6  # components; the lower 14 hold 99 % of the weighted variance
FRAMES = 400  # at most so many a clip: a long clip shall not be the measure of all people


def displacement(clip: Clip) -> np.ndarray:
    """Expression (T, 478, 3) of a clip: against its neutral face, less what the tracker sees in a turning head."""
    moved = clip.head - clip.neutral()
    angles = clip.pose[:, :3] - np.median(clip.pose[:, :3], axis=0)
    turns = np.c_[angles, angles**2, angles[:, :1] * angles[:, 1:2]]
    turns = turns / (turns.std(0) + 1e-9)
    flat = moved.reshape(len(moved), -1).astype(np.float64)
    turns, centred = turns - turns.mean(0), flat - flat.mean(0)
    fit = np.linalg.solve(turns.T @ turns + 0.1 * len(turns) * np.eye(turns.shape[1]), turns.T @ centred)
    return (flat - turns @ fit).reshape(moved.shape).astype(np.float32)


def learn_basis(clips: Sequence[Clip], pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Basis:
    """Components, directions and emotions.

    Args:
        clips: tracked clips.
        pairs: head-unit landmarks of the same person, neutral and smiling.
    """
    shapes = [displacement(clip) for clip in clips]
    shapes = np.concatenate([shape[:: max(len(shape) // FRAMES, 1)] for shape in shapes])
    low, high = regions()
    components = np.concatenate([_principal(shapes * low[:, None], LOWER), _principal(shapes * high[:, None], UPPER)])
    basis = Basis(components, LOWER, {}, {})
    directions = _directions(basis, basis.coefficients(shapes))
    basis = Basis(components, LOWER, directions, {})
    return Basis(components, LOWER, directions, _emotions(basis, pairs))


def _principal(shapes: np.ndarray, count: int) -> np.ndarray:
    """Weighted principal components (count, 478, 3) of shapes and their mirror images, in standard deviations."""
    both = np.concatenate([shapes, mirrored(shapes)]).astype(np.float64)
    weighted = (both * np.sqrt(importance())[:, None]).reshape(len(both), -1)
    variance, vectors = np.linalg.eigh(weighted.T @ weighted / len(both))
    scores = weighted @ vectors[:, ::-1][:, :count] / np.sqrt(variance[::-1][:count])
    components = np.linalg.lstsq(scores, both.reshape(len(both), -1), rcond=None)[0]
    return components.reshape(count, *shapes.shape[1:]).astype(np.float32)


def measures(shape: np.ndarray) -> dict[str, np.ndarray]:
    """What a displacement (…, 478, 3) does, in head units: the axes that directions are named after."""
    corners = shape[..., [61, 291], :]
    return {
        "open": lip_gap(shape).mean(-1),
        "wide": corners[..., 1, 0] - corners[..., 0, 0],
        "smile": -corners[..., 1].mean(-1),
        "jaw": shape[..., 152, 1],
        "brow": -shape[..., np.r_[topology.LEFT_BROW, topology.RIGHT_BROW], 1].mean(-1),
    }


def _directions(basis: Basis, coefficients: np.ndarray) -> dict[str, np.ndarray]:
    """Likeliest coefficients for one unit of a measure, the others unchanged: a Gaussian's conditional mean."""
    symmetric = basis.coefficients((basis.components + mirrored(basis.components)) / 2)
    spread = symmetric.T @ np.cov(coefficients.T) @ symmetric
    axes = np.stack(list(measures(basis.components).values()))  # m k
    moves = spread @ axes.T @ np.linalg.inv(axes @ spread @ axes.T + 1e-7 * np.eye(len(axes)))
    return dict(zip(measures(basis.components), moves.T.astype(np.float32), strict=True))


def _emotions(basis: Basis, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Happy is what smiling pictures have over neutral ones of the same people; nobody is known to be anything else in
    our data, so the others are put together from directions and moves of the brows' ends."""
    low, high = regions()
    smile = np.mean([smiling - neutral for neutral, smiling in pairs], axis=0) * (low + high)[:, None]
    smile = (smile + mirrored(smile)) / 2

    def moved(**amounts: float) -> np.ndarray:
        return basis.shape(sum((basis.directions[name] * amount for name, amount in amounts.items()), np.zeros(1)))

    return {
        "happy": smile.astype(np.float32),
        "sad": moved(smile=-0.03, wide=-0.02, brow=0.01) + _brow(inner=-0.045, outer=0.02),
        "angry": moved(smile=-0.015, open=-0.01, wide=-0.02) + _brow(inner=0.05, outer=-0.005, together=0.02),
        "surprised": moved(open=0.05, jaw=0.05, wide=-0.03, brow=0.05) + _brow(inner=-0.02, outer=-0.02),
    }


def _brow(*, inner: float, outer: float, together: float = 0.0) -> np.ndarray:
    """Displacement (478, 3) that moves the inner and outer ends of both brows down by so much, and them together."""
    _, high = regions()
    mean = topology.MEAN_FACE
    brow_y = mean[np.r_[topology.LEFT_BROW, topology.RIGHT_BROW], 1].mean()
    near = np.exp(-(((mean[:, 1] - brow_y) / 0.16) ** 2)) * high
    side = smoothstep(0.1, 0.5, np.abs(mean[:, 0]))
    across = -np.sign(mean[:, 0]) * together * (1 - side) * smoothstep(0.02, 0.12, np.abs(mean[:, 0]))
    return np.stack([across * near, (inner * (1 - side) + outer * side) * near, np.zeros_like(near)], -1).astype(
        np.float32
    )


def smiling_pairs(data: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Head-unit landmarks, neutral and smiling, of the people in `data`/portraits/train (…_03, …_08)."""
    folder = data / "portraits" / "train"
    pairs = ((path, path.with_name(path.name.replace("_03.", "_08."))) for path in sorted(folder.glob("*_03.jpg")))
    return [(_head(neutral), _head(smiling)) for neutral, smiling in pairs if smiling.exists()]


def _head(path: Path) -> np.ndarray:
    landmarks = largest_face(read_image(path)).landmarks
    pose: Pose = fit_pose(landmarks)
    return to_head(landmarks, pose)
