"""What INFP's motion encoder may see of a face (Zhu et al. 2025, section 3.2): eyes, lips, and a drawn outline."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from ...core.faces.topology import LEFT_EYE, LIPS_OUTER, NOSE_BRIDGE, OVAL, RIGHT_EYE
from ..nets.latentwarp import hybrid_picture

ROOM = 0.012  # of the picture's side, that is kept around eyes and lips
PEN = 0.008  # of the side, width of the outline


def hybrid_maps(landmarks: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """`keep` and `outline` float32 (1, size, size) in [0, 1] for `hybrid_picture`.

    Args:
        landmarks: (478, 2 or 3), pixels of the picture.
    """
    keep, outline = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    points = np.round(landmarks[:, :2]).astype(np.int32)
    for group in (LIPS_OUTER, LEFT_EYE, RIGHT_EYE):
        cv2.fillConvexPoly(keep, cv2.convexHull(points[group]), (255,))
    room = max(1, round(ROOM * size))
    keep = cv2.dilate(keep, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * room + 1,) * 2))
    pen = max(1, round(PEN * size))
    cv2.polylines(outline, [points[OVAL][:, None]], True, (255,), pen, cv2.LINE_AA)
    cv2.polylines(outline, [points[NOSE_BRIDGE][:, None]], False, (255,), pen, cv2.LINE_AA)
    return {"keep": keep[None] / np.float32(255), "outline": outline[None] / np.float32(255)}


def hybrid(images: Tensor, landmarks: np.ndarray) -> Tensor:
    """Hybrid pictures (b, 3, h, w) of pictures (b, 3, h, w) in [-1, 1] with landmarks (b, 478, 3)."""
    maps = [hybrid_maps(each, images.shape[-1]) for each in landmarks]
    keep, outline = (
        torch.from_numpy(np.stack([each[name] for each in maps])).to(images) for name in ("keep", "outline")
    )
    return hybrid_picture(images, keep, outline)
