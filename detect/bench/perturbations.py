"""The seven perturbations of DeeperForensics-1.0 (Jiang et al., CVPR 2020) at its five levels.

Each takes frames uint8 RGB (T, H, W, 3) and returns new ones. Compression is one of the seven and happens when a clip
is encoded, so here it is only a quality.
"""

from __future__ import annotations

import cv2
import numpy as np

LEVELS: dict[str, tuple[float, ...]] = {
    "saturation": (0.4, 0.3, 0.2, 0.1, 0.0),  # share of colour kept
    "contrast": (0.85, 0.725, 0.6, 0.475, 0.35),  # share kept
    "blocks": (16, 32, 48, 64, 80),  # grey squares of 8 px for each 256 px of the shorter side
    "noise": (0.001, 0.002, 0.005, 0.01, 0.05),  # variance, full scale 1
    "blur": (7, 9, 13, 17, 21),  # px of the kernel, six standard deviations wide
    "pixels": (2, 3, 4, 5, 6),  # px of a square with one colour
    "compression": (30, 32, 35, 38, 40),  # CRF of H.264
}


def perturb(frames: np.ndarray, kind: str, level: int, random: np.random.Generator) -> np.ndarray:
    """Frames (T, H, W, 3) with one of `LEVELS` at level 1 to 5; those given stay as they are."""
    amount = LEVELS[kind][level - 1]
    if kind == "compression":
        return frames
    if kind == "blocks":
        return _blocks(frames, int(amount), random)
    change = {"saturation": _saturation, "contrast": _contrast, "blur": _blur, "pixels": _pixels}
    if kind == "noise":
        return np.stack([_noise(frame, amount, random) for frame in frames])
    return np.stack([change[kind](frame, amount) for frame in frames])


def quality(kind: str, level: int, standard: int) -> int:
    """The CRF with which perturbed frames are encoded."""
    return int(LEVELS[kind][level - 1]) if kind == "compression" else standard


def _saturation(frame: np.ndarray, kept: float) -> np.ndarray:
    """Chroma drawn towards grey."""
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    luma[..., 1:] = 128 + kept * (luma[..., 1:] - 128)
    return cv2.cvtColor(_bytes(luma), cv2.COLOR_YCrCb2RGB)


def _contrast(frame: np.ndarray, kept: float) -> np.ndarray:
    return _bytes(frame.astype(np.float32) * kept)


def _blocks(frames: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """The same grey squares in every frame of the clip."""
    height, width = frames.shape[1:3]
    unit = max(min(height, width) // 256, 1)
    side, changed = 8 * unit, frames.copy()
    for _ in range(count * unit):
        x, y = int(random.integers(max(width - side, 1))), int(random.integers(max(height - side, 1)))
        changed[:, y : y + side, x : x + side] = 127
    return changed


def _noise(frame: np.ndarray, variance: float, random: np.random.Generator) -> np.ndarray:
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    luma += 255 * np.sqrt(variance) * random.standard_normal(luma.shape, np.float32)
    return cv2.cvtColor(_bytes(luma), cv2.COLOR_YCrCb2RGB)


def _blur(frame: np.ndarray, kernel: float) -> np.ndarray:
    return cv2.GaussianBlur(frame, (int(kernel), int(kernel)), kernel / 6)


def _pixels(frame: np.ndarray, factor: float) -> np.ndarray:
    height, width = frame.shape[:2]
    fewer = (max(width // int(factor), 1), max(height // int(factor), 1))
    small = cv2.resize(frame, fewer, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
