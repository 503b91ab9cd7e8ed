"""How strongly each place may be marked without being seen.

After a re-encode nearly all that the reader gets comes from plain places, where the picture itself is quiet; in texture
a mark drowns, and there it takes from the detail that viewers, and VMAF, look for. So a picture is marked where it is
plain, the stronger the less it has of such places and the fewer pixels the reader can average over; and the stronger it
must be marked, the busier may be the places that are marked too.
"""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 128  # px, short side at which amplitudes are given
FINE = 512  # px, short side at which detail is looked at; the reader sees no more of it
DETAIL = 9  # px there, side of the neighbourhood that detail stands out from
LEVEL = 1.7  # grey levels (rms) in a plain, bright place of a picture in which the reader gets ENOUGH
ENOUGH = 0.11 * 512 * 512  # of marks of amplitude 1
BOOST = 0.2, 1.4  # bounds of the factor on LEVEL where it gets more or less
BUSY = 6 * 512 * 512  # grey levels of detail that halve the amplitude, times px, where it gets ENOUGH
LEAST_BUSY = 0.75
DARK, LIGHT, IN_THE_DARK = 16, 80, 0.5  # luma levels between which the amplitude rises from this share to all of it
SKIN = 0.75  # share in the colours of skin
LOUDEST = 1.27  # grey levels (rms) over a frame: luma PSNR 46 dB


def gain_map(frame: np.ndarray) -> np.ndarray:
    """Amplitude of the mark for a frame, uint8 (H, W, 3) RGB, in grey levels.

    Returns:
        float32, the frame scaled so that its short side is at most `SIDE`.
    """
    pixels = frame.shape[0] * frame.shape[1]
    frame = _reduced(frame, FINE)
    small = cv2.cvtColor(_reduced(frame, SIDE), cv2.COLOR_RGB2YCrCb)
    luma, red, blue = (plane.astype(np.float32) for plane in cv2.split(small))
    visibility = np.clip((cv2.blur(luma, (3, 3)) - DARK) / (LIGHT - DARK), IN_THE_DARK, 1)
    skin = (np.abs(red - 153) < 18) & (np.abs(blue - 105) < 22)
    visibility *= 1 - (1 - SKIN) * cv2.blur(skin.astype(np.float32), (7, 7))

    detail = _detail(frame)
    got = pixels * float(np.mean(visibility**2 / (1 + detail**2)))
    boost = float(np.clip(np.sqrt(ENOUGH / got), *BOOST))
    busy = max(BUSY / pixels * boost**2, LEAST_BUSY)
    gain = LEVEL * boost * visibility / (1 + (detail / busy) ** 3)
    return gain * min(1.0, LOUDEST / float(np.sqrt(np.mean(gain * gain)) + 1e-6))


def _detail(frame: np.ndarray) -> np.ndarray:
    """Mean difference from the surroundings, grey levels, float32 (h, w) with a short side of at most `SIDE`."""
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    side = max(3, round(DETAIL * min(luma.shape) / FINE) // 2 * 2 + 1)
    fine = cv2.absdiff(luma, cv2.blur(luma, (side, side))).astype(np.float32)
    return cv2.blur(_reduced(fine, SIDE), (3, 3))


def _reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture (H, W, ...) scaled so that its short side is at most `side` px."""
    height, width = picture.shape[:2]
    scale = side / min(height, width)
    if scale >= 1:
        return picture
    return cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
