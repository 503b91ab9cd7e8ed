"""Portrait + motion → frames. Each frame depends on its own row of motion alone."""

from __future__ import annotations

import cv2
import numpy as np

from .head import Mover
from .layers import over
from .motion import FaceMotion
from .portrait import Portrait
from .warp import invert, resample


def render(portrait: Portrait, motion: FaceMotion) -> np.ndarray:
    """Frames uint8 (T, H, W, 3) of a portrait in motion, at the size of its picture."""
    frames = np.empty((len(motion), *portrait.picture.shape), np.uint8)
    frames[:] = portrait.picture
    for i in range(len(motion)):
        _draw(frames[i], portrait, motion.shape[i], motion.pose[i], motion.gaze[i], motion.blink[i])
    return frames


def _draw(frame, portrait: Portrait, shape, pose, gaze, blink) -> None:
    x0, y0, x1, y1 = portrait.box
    mover = Mover(portrait.head, shape, pose)
    mover.damp(portrait.field, portrait.mouth.upper, portrait.mouth.lower)
    lattice = portrait.field.lattice
    back = lattice.to_pixels(invert(lattice, mover(portrait.field)), x0, y0, x1 - x0, y1 - y0)
    index = cv2.transform(back, portrait.to_layer)
    moved = resample(portrait.layer, index, border=cv2.BORDER_REFLECT_101)
    frame[y0:y1, x0:x1] = over(moved, portrait.plate)
    for eye, closure in zip(portrait.eyes, blink, strict=True):
        corners = eye.box()
        depth = portrait.head.landmarks[168, 2] + 0.1 * portrait.head.unit
        at = np.array([mover.point(np.r_[corner, depth]) for corner in corners])
        left, top = np.maximum(np.floor(at.min(0) - 0.06 * portrait.head.unit).astype(int), (x0, y0))
        right, low = np.minimum(np.ceil(at.max(0) + 0.06 * portrait.head.unit).astype(int), (x1, y1))
        if right - left > 3 and low - top > 3:
            source = np.ascontiguousarray(back[top - y0 : low - y0, left - x0 : right - x0])
            eye.draw(frame[top:low, left:right], source, portrait.layer, portrait.to_layer, gaze, float(closure))
    portrait.mouth.draw(frame, portrait.layer, portrait.to_layer, mover)
