"""Crops around a face, and the way back into the full picture.

A crop is a similarity of the picture: no stretch, any aspect ratio, reflected where it leaves the picture. It hangs
on the skull (the head pose), so that an opening mouth or a raised brow hardly moves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .face import Face
from .pose import euler, fit_pose, to_image
from .topology import MEAN_FACE, OVAL

_TOP, _BOTTOM = float(MEAN_FACE[OVAL, 1].min()), float(MEAN_FACE[OVAL, 1].max())
_CENTRE = np.array([[0.0, (_TOP + _BOTTOM) / 2, 0.0]])


@dataclass(frozen=True)
class CropRecipe:
    """How to cut a face out of a picture.

    Attributes:
        size: pixels of the crop: its side, or (width, height).
        margin: room on each side of the face, as a share of the face's height (hairline to chin); the crop's shorter
            side is 1 + 2 · margin face heights.
        shift_up: how far the crop's centre lies above the face's centre, in face heights.
        level: turn the crop so that the eyes are level.
    """

    size: int | tuple[int, int]
    margin: float = 0.3
    shift_up: float = 0.0
    level: bool = False

    @property
    def width_height(self) -> tuple[int, int]:
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def matrix(self, face: Face) -> np.ndarray:
        """The similarity (2, 3), picture → crop."""
        pose = fit_pose(face.landmarks)
        width, height = self.width_height
        face_height = pose.scale * (_BOTTOM - _TOP)
        roll = euler(pose.rotation)[2] if self.level else 0.0
        x, y, _ = to_image(_CENTRE, pose)[0]
        x, y = x + np.sin(roll) * self.shift_up * face_height, y - np.cos(roll) * self.shift_up * face_height
        scale = min(width, height) / ((1 + 2 * self.margin) * face_height)
        turn = scale * np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        return np.column_stack([turn, centre - turn @ [x, y]])


@dataclass(frozen=True)
class Crop:
    """A crop uint8 (h, w, 3) and its similarity (2, 3), picture → crop; pixel centres are whole numbers."""

    image: np.ndarray
    matrix: np.ndarray


def crop_face(image: np.ndarray, face: Face, recipe: CropRecipe) -> Crop:
    """Cut a face out of an RGB picture uint8 (H, W, 3)."""
    matrix = recipe.matrix(face)
    return Crop(warp(image, matrix, recipe.width_height), matrix)


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse (2, 3) of a similarity (2, 3)."""
    return cv2.invertAffineTransform(np.asarray(matrix, np.float64))


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (…, 2 or 3) through a similarity (2, 3); z is scaled with it."""
    moved = points[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    return np.concatenate([moved, points[..., 2:] * np.hypot(*matrix[:, 0])], axis=-1)


def warp(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], *, border: int = cv2.BORDER_REFLECT_101
) -> np.ndarray:
    """Resample an image (H, W[, C]) through a similarity (2, 3), bilinear, averaged first where it shrinks much.

    Args:
        matrix: image → result.
        size: (width, height) of the result.
        border: OpenCV's border mode beyond the image.
    """
    matrix = np.asarray(matrix, np.float64)
    step = int(1 / np.hypot(*matrix[:, 0]))
    if step > 1:  # every `step` pixels become one; pixel centres are whole numbers, hence the half pixels
        corners = np.array([[-1.0, -1], [size[0], -1], [-1, size[1]], size])
        x0, y0, image = _needed(image, transform(corners, invert(matrix)), step)
        matrix = matrix @ [[step, 0, (step - 1) / 2 + x0], [0, step, (step - 1) / 2 + y0], [0, 0, 1]]
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(image, 0, -height % step, 0, -width % step, cv2.BORDER_REPLICATE)
        height, width = image.shape[:2]
        image = cv2.resize(image, (width // step, height // step), interpolation=cv2.INTER_AREA)
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)


def _needed(image: np.ndarray, outline: np.ndarray, step: int) -> tuple[int, int, np.ndarray]:
    """Left, top and pixels of the part within an outline; an axis on which it leaves the image is kept whole."""
    lengths = np.array(image.shape[1::-1])
    low, high = np.floor(outline.min(0) / step - 1).astype(int) * step, np.ceil(outline.max(0) + 2 * step).astype(int)
    over = (low < 0) | (high > lengths)
    (x0, y0), (x1, y1) = np.where(over, 0, low), np.where(over, lengths, high)
    return int(x0), int(y0), image[y0:y1, x0:x1]


def paste_back(frame: np.ndarray, patch: np.ndarray, matrix: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put a (changed) crop back into its picture.

    Args:
        frame: uint8 (H, W, 3); not changed.
        patch: uint8 (h, w, 3).
        matrix: (2, 3), picture → crop, as `crop_face` gave it.
        mask: float (h, w) in [0, 1]: how much of the patch to take.

    Returns:
        A new frame; wherever the mask is 0, exactly the old one.
    """
    frame = frame.copy()
    back = invert(matrix)
    height, width = patch.shape[:2]
    corners = transform(np.array([[-1.0, -1], [width, -1], [-1, height], [width, height]]), back)
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, [frame.shape[1], frame.shape[0]])
    if x0 >= x1 or y0 >= y1:
        return frame
    back = back - [[0, 0, x0], [0, 0, y0]]
    size = (int(x1 - x0), int(y1 - y0))
    share = warp(np.asarray(mask, np.float32), back, size, border=cv2.BORDER_CONSTANT)
    region = np.ascontiguousarray(frame[y0:y1, x0:x1])
    frame[y0:y1, x0:x1] = cv2.blendLinear(
        warp(patch, back, size, border=cv2.BORDER_REPLICATE), region, share, 1 - share
    )
    return frame


def soft_mask(size: tuple[int, int], *, feather: float, points: np.ndarray | None = None) -> np.ndarray:
    """A mask float32 (height, width) in [0, 1], 1 inside, falling smoothly to 0 at its outline.

    Args:
        size: (width, height).
        feather: pixels over which it falls.
        points: (n, 2 or 3); the mask is their convex hull. Without: the whole rectangle, its corners rounded.
    """
    width, height = size
    inside = np.zeros((height + 2, width + 2), np.uint8)
    if points is None:
        inside[1:-1, 1:-1] = 1
    else:
        hull = cv2.convexHull(np.round(points[:, :2]).astype(np.int32) + 1)
        cv2.fillConvexPoly(inside, hull, (1,))
        inside[[0, -1]] = inside[:, [0, -1]] = 0
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    if points is None:  # distance to a smaller rectangle, so that the corners are round
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        over_x = np.maximum(np.abs(x - (width - 1) / 2) - (width + 1) / 2 + feather, 0)
        over_y = np.maximum(np.abs(y - (height - 1) / 2) - (height + 1) / 2 + feather, 0)
        depth = feather - np.hypot(over_x, over_y)
    share = np.clip(depth / max(feather, 1e-6), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)
