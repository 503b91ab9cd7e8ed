"""Decoded frames to upright RGB: colour matrix, range, alpha, pixel shape, rotation."""

from __future__ import annotations

import math
import struct
from typing import Any

import cv2
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

GREY = 128
"""What lies behind transparent pixels."""

# Without these flags swscale takes short cuts that darken by 1.3 levels and double chroma columns (measured).
EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP

# AVColorSpace (ITU-T H.273 matrix coefficients) → swscale's name.
_MATRIX = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_RGB = 0


def orientation(frame: Any) -> tuple[int, bool]:
    """How a frame must be turned to stand upright: degrees clockwise (0, 90, 180, 270), after mirroring left to right.

    Source: the display matrix of ISO/IEC 14496-12 (`tkhd`), nine 16.16 numbers; only its linear part is used.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None or len(bytes(data)) < 36:
        return 0, False
    a, b, _, c, d = struct.unpack("=9i", bytes(data)[:36])[:5]
    mirrored = a * d - b * c < 0
    turns = round(math.atan2(-b if mirrored else b, -a if mirrored else a) / (math.pi / 2))
    return turns % 4 * 90, mirrored


class ToRgb:
    """Converts frames of one stream, whatever format each has, to one size.

    Args:
        width: upright, with square pixels.
        height: likewise.
        rotation: degrees clockwise, as `orientation` tells.
        mirrored: likewise.
    """

    def __init__(self, width: int, height: int, rotation: int = 0, mirrored: bool = False) -> None:
        self._size = (height, width) if rotation % 180 else (width, height)
        self._turns, self._mirrored = -rotation // 90, mirrored
        self._reformatter = VideoReformatter()

    def into(self, frame: Any, out: np.ndarray) -> None:
        """Write `frame` into `out` (H, W, 3) uint8."""
        image = out if not (self._turns or self._mirrored) else None
        image = self._convert(frame, image)
        if image is not out:
            np.copyto(out, np.rot90(image[:, ::-1] if self._mirrored else image, self._turns))

    def _convert(self, frame: Any, out: np.ndarray | None) -> np.ndarray:
        alpha = frame.format.name == "pal8" or any(part.is_alpha for part in frame.format.components)
        planar: Any = (
            self._reformatter.reformat(  # planar RGB: swscale has vector code for it, three times faster than rgb24
                frame,
                *self._size,
                format="gbrap" if alpha else "gbrp",
                src_colorspace=_matrix(frame),
                interpolation=EXACT,
                threads=1,
            )
        )
        g, b, r, *rest = (
            np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : self._size[0]] for plane in planar.planes
        )
        image = cv2.merge((r, g, b), dst=out)
        return over_grey(image, rest[0]) if rest else image


def over_grey(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Blend (H, W, 3) uint8 over mid grey by `alpha` (H, W) uint8, in place."""
    weight = alpha[..., None].astype(np.uint16)
    image[...] = (image * weight + GREY * (255 - weight) + 127) // 255
    return image


def _matrix(frame: Any) -> Colorspace | None:
    if frame.colorspace == _RGB:
        return None
    # Untagged video follows its size: high definition is BT.709, the rest BT.601.
    return _MATRIX.get(frame.colorspace, Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601)
