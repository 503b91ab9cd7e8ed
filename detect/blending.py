"""Self-blended images: a genuine face blended into itself, so that a network learns the traces of blending alone.

Written from the description of Shiohara and Yamasaki, "Detecting deepfakes with self-blended images" (CVPR 2022), with
its masks in another topology, and with blends of the mouth region alone, which is all that dubbing methods replace:
there the source is sampled anew, as from a network of less resolution than the picture.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import cv2
import numpy as np

from ..core.faces import topology

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it asks the network for newer versions of itself

WHOLE = ("oval", "inner", "features", "parts")
MOUTH = ("jaw", "half", "lips")
_LOWER_OVAL = topology.OVAL[17:]  # below the ears, from the picture's right to its left
_EYES = (topology.LEFT_EYE, topology.RIGHT_EYE)
_BROWS = (topology.LEFT_BROW, topology.RIGHT_BROW)


@dataclass(frozen=True)
class Blend:
    """A blend and its genuine counterpart, which share what was changed in the whole picture.

    Attributes:
        genuine, blended: uint8 (h, w, 3), alike outside the mask.
        mask: float32 (h, w), how much of each pixel is source.
    """

    genuine: np.ndarray
    blended: np.ndarray
    mask: np.ndarray


def self_blend(image: np.ndarray, landmarks: np.ndarray, random: np.random.Generator, region: str) -> Blend:
    """Blend a changed copy of a face into itself.

    Args:
        image: uint8 (h, w, 3), genuine.
        landmarks: (478, 2 or 3), pixels.
        random: every draw comes from it.
        region: one of `WHOLE` or `MOUTH`.
    """
    source, target = image, image
    if region in MOUTH:
        source = _resampled(image, random)
        if random.random() < 0.5:
            source = _changed(source, random)
    elif random.random() < 0.5:
        source = _changed(image, random)
    else:
        target = _changed(image, random)
    mask = region_mask(landmarks, image.shape[:2], region)
    source, mask = _moved(source, mask, random)
    soft = _softened(_elastic(mask, random), random)[..., None]
    blended = target + (source.astype(np.float32) - target) * soft
    return Blend(target, np.clip(np.round(blended), 0, 255).astype(np.uint8), soft[..., 0])


def region_mask(landmarks: np.ndarray, shape: tuple[int, ...], region: str) -> np.ndarray:
    """The region of a face as a mask: uint8 (h, w), 0 or 255."""
    points = np.round(landmarks[:, :2]).astype(np.int32)
    mask = np.zeros(shape, np.uint8)
    if region == "half":  # all below the middle of the nose, as wide as the face
        (left, _), (right, bottom) = points[topology.OVAL].min(0), points[topology.OVAL].max(0)
        mask[max(0, points[195, 1]) : max(0, bottom), max(0, left) : max(0, right)] = 255
        return mask
    parts = {
        "oval": [topology.OVAL],
        "inner": [np.concatenate([topology.OVAL[topology.OVAL.size // 2 - 2 :], topology.OVAL[:2], *_BROWS])],
        "features": [np.concatenate([*_EYES, *_BROWS, topology.NOSE, topology.LIPS_OUTER])],
        "parts": [
            *(np.concatenate(pair) for pair in zip(_EYES, _BROWS, strict=True)),
            topology.NOSE,
            topology.LIPS_OUTER,
        ],
        "jaw": [np.concatenate([_LOWER_OVAL, [2, 98, 327]])],
        "lips": [topology.LIPS_OUTER],
    }[region]
    for part in parts:
        cv2.fillConvexPoly(mask, cv2.convexHull(points[part]), (255,))
    if region in ("parts", "lips"):
        grown = max(3, round(0.06 * np.ptp(points[topology.OVAL, 1])) | 1)
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grown, grown)))
    return mask


def camera(random: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """One draw of what cameras and encoders do (tone, sharpness, noise, compression), to be done to both of a pair."""
    seed = int(random.integers(2**31))

    def apply(image: np.ndarray) -> np.ndarray:
        chain = _camera()
        chain.set_random_seed(seed)
        return chain(image=image)["image"]

    return apply


def _changed(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    chain = _difference()
    chain.set_random_seed(int(random.integers(2**31)))
    return chain(image=image)["image"]


def _resampled(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """As if it came from a network that works at a part of this size."""
    share = random.uniform(0.3, 0.8)
    small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[random.integers(3)]
    return cv2.resize(small, image.shape[1::-1], interpolation=how)


def _moved(source: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Source and mask a little elsewhere and a little larger or smaller."""
    height, width = mask.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 0, float(random.uniform(0.95, 1 / 0.95)))
    matrix[:, 2] += random.uniform(-0.03, 0.03) * width, random.uniform(-0.015, 0.015) * height
    moved = cv2.warpAffine(source, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return moved, cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)


def _elastic(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A mask with an uneven outline; the field is drawn coarse, for it is smooth."""
    height, width = mask.shape
    coarse = random.normal(0, 0.012 * height, (2, 8, 8)).astype(np.float32)
    x, y = (cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(mask, columns + x, rows + y, cv2.INTER_LINEAR)


def _softened(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Uint8 mask → float32 in [0, 1]: drawn in by half a blur's width, then blurred, and at times not opaque."""
    unit = mask.shape[0] / 256
    first, second = (random.integers(2, 13, 2) * unit).astype(int) * 2 + 1
    drawn_in = cv2.GaussianBlur(mask, (int(first), int(first)), 0) >= 254
    soft = cv2.GaussianBlur(drawn_in.astype(np.float32), (int(second), int(second)), random.uniform(5, 45) * unit)
    return soft / max(float(soft.max()), 1e-6) * random.choice([0.25, 0.5, 0.75, 1, 1, 1]).astype(np.float32)


@cache
def _difference():
    """How source and target come to differ: tone and either sharpness or resolution."""
    a: Any = import_module("albumentations")

    downscale = {"downscale": cv2.INTER_NEAREST, "upscale": cv2.INTER_LINEAR}
    return a.Compose(
        [
            a.RGBShift((-20, 20), (-20, 20), (-20, 20), p=0.3),
            a.HueSaturationValue((-0.3, 0.3), (-0.3, 0.3), (-0.3, 0.3), p=1),
            a.RandomBrightnessContrast((-0.1, 0.1), (-0.1, 0.1), p=1),
            a.OneOf([a.Downscale((0.25, 0.5), downscale, p=1), a.Sharpen((0.2, 0.5), (0.5, 1), p=1)], p=1),
        ]
    )


@cache
def _camera():
    a: Any = import_module("albumentations")

    return a.Compose(
        [
            a.RGBShift((-20, 20), (-20, 20), (-20, 20), p=0.3),
            a.HueSaturationValue((-5, 5), (-20, 20), (-10, 10), p=0.3),
            a.RandomBrightnessContrast((-0.3, 0.3), (-0.3, 0.3), p=0.3),
            a.GaussianBlur((3, 5), (0.3, 1.2), p=0.3),
            a.GaussNoise((0.004, 0.03), p=0.3),
            a.ImageCompression("jpeg", (40, 100), p=0.6),
        ]
    )
