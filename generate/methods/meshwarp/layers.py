"""The picture's two layers: a person with a soft edge, and the background as it would be without them."""

from __future__ import annotations

import cv2
import numpy as np


def clean_plate(image: np.ndarray, matte: np.ndarray, reach: int, work: int = 320) -> np.ndarray:
    """The background, with what the person hides filled in from around (Telea, JGT 2004).

    Filled at a working size of `work` pixels: what is uncovered is a narrow band beside a moving head.

    Args:
        image: uint8 (H, W, 3).
        matte: float32 (H, W).
        reach: pixels around the matte that may still hold some of the person.
    """
    height, width = matte.shape
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    hidden = cv2.dilate((matte > 0.03).astype(np.uint8), kernel)
    if hidden.all():
        return image
    scale = min(1.0, work / max(height, width))
    small = (max(round(width * scale), 1), max(round(height * scale), 1))
    mask = cv2.resize(hidden, small, interpolation=cv2.INTER_NEAREST)
    mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    filled = cv2.inpaint(cv2.resize(image, small, interpolation=cv2.INTER_AREA), mask, 5, cv2.INPAINT_TELEA)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    soft = cv2.GaussianBlur(filled, (0, 0), 4)
    blend = np.clip(distance / 12, 0, 1)[..., None]
    filled = (filled * (1 - blend) + soft * blend).astype(np.uint8)
    filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)
    edge = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), max(reach / 3, 1))[..., None]
    edge = np.where(hidden[..., None] > 0, np.maximum(edge * 2 - 1, 0), 0)
    return np.rint(image * (1 - edge) + filled * edge).astype(np.uint8)


def foreground(image: np.ndarray, matte: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """The person as premultiplied RGBA uint8 (H, W, 4): over the plate it gives the picture back.

    What the plate lends to the soft edge is taken away, so no rim of the old background travels with the hair. Whatever
    is darker than the plate allows (single hairs that the matte missed) becomes as opaque as it must be.
    """
    least = 1 - ((image + 1.0) / (plate + 1.0)).min(-1)
    alpha = np.rint(255 * np.clip(np.maximum(matte, least), 0, 1))[..., None]
    own = np.clip(image - plate * ((255 - alpha) / 255), 0, 255)
    return np.rint(np.concatenate([own, alpha], -1)).astype(np.uint8)


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """`factor` times larger with pixel (x, y) at (factor x, factor y), for sharp but cheap bilinear sampling later."""
    height, width = image.shape[:2]
    matrix = np.array(((factor, 0, 0), (0, factor, 0)), np.float64)
    size = (factor * width, factor * height)
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)


def over(layer: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """Premultiplied RGBA over RGB, uint8."""
    *colour, alpha = cv2.split(layer)
    rest = cv2.bitwise_not(alpha)
    return cv2.add(cv2.merge(colour), cv2.multiply(plate, cv2.merge([rest, rest, rest]), scale=1 / 255))
