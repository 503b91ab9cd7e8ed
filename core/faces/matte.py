"""Which pixels belong to a person: MediaPipe's selfie network, drawn to the picture's edges by a guided filter."""

from __future__ import annotations

from functools import cache
from threading import Lock

import cv2
import numpy as np

from .mediapipe_models import hushed

_SIDE = 256  # px, the network's input
_WORK = 1024  # px: the filter's coefficients are found at most at this size, then applied to every pixel
_RADIUS = 0.012  # of the longer side: how far the network's outline may be from the true one
_SMOOTH = 2e-4  # colour variance (of [0, 1]²) below which a surface counts as plain
_ONE_AT_A_TIME = Lock()  # the network is no thing for two threads


@cache
def _network():
    with hushed():
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

        network = SelfieSegmentation(model_selection=0)
        network.process(np.zeros((_SIDE, _SIDE, 3), np.uint8))
    return network


def person_matte(image: np.ndarray) -> np.ndarray:
    """How much of each pixel is person: float32 (H, W) in [0, 1], soft at hair.

    Args:
        image: RGB uint8 (H, W, 3), one or more persons in front of something else.
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    coarse = (_segment(small) + _segment(small[:, ::-1])[:, ::-1]) / 2
    coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    fine = guided_filter(image, coarse, radius=_RADIUS * max(height, width), smooth=_SMOOTH)
    return np.clip((fine - 0.12) / 0.76, 0, 1)  # the filter leaves a veil over both sides


def _segment(pixels: np.ndarray) -> np.ndarray:
    with _ONE_AT_A_TIME:
        found = _network().process(np.ascontiguousarray(pixels))
    return np.array(found.segmentation_mask, np.float32)  # pyright: ignore[reportAttributeAccessIssue]


def guided_filter(guide: np.ndarray, mask: np.ndarray, *, radius: float, smooth: float) -> np.ndarray:
    """The mask (H, W) as a locally linear function of the guide's colours (H, W, 3), uint8.

    He, Sun, Tang, "Guided image filtering", PAMI 2013; at reduced size after He, Sun, "Fast guided filter", 2015.

    Args:
        radius: half the window's side, pixels of the guide.
        smooth: the paper's epsilon, for colours in [0, 1].
    """
    height, width = mask.shape
    shrink = min(1.0, _WORK / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    colours = cv2.resize(guide, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    window = 2 * max(1, round(radius * shrink)) + 1

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT)

    centre, level = mean(colours), mean(share)
    cross = mean(colours * share[..., None]) - centre * level[..., None]
    spread = np.empty((*share.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            covariance = mean(colours[..., i] * colours[..., j]) - centre[..., i] * centre[..., j]
            spread[..., i, j] = spread[..., j, i] = covariance + (smooth if i == j else 0)
    slope = np.linalg.solve(spread, cross[..., None])[..., 0]
    offset = level - (slope * centre).sum(-1)
    slope, offset = (
        cv2.resize(mean(part), (width, height), interpolation=cv2.INTER_LINEAR) for part in (slope, offset)
    )
    fine = offset
    for channel in range(3):
        fine = fine + slope[..., channel] * (guide[..., channel].astype(np.float32) / 255)
    return fine
