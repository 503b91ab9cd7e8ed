"""How strongly each place may be marked without being seen.

Measured on real and still clips: after a re-encode nearly all that the reader gets comes from plain areas, where the
picture itself is quiet; in strong texture a mark is hidden but drowns. So the amplitude is nearly even, as low as a
picture with large plain areas allows, and raised for pictures that have few.
"""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 128  # px, short side at which a frame is judged
PLAIN = 0.65  # grey levels (rms) in a plain area of middle brightness
TEXTURE = 0.05  # more of it, per root of a grey level of texture
MOST = 2.5
DARK, LIGHT, IN_THE_DARK = 16, 80, 0.5  # luma levels between which the amplitude rises from this share to all of it
SKIN = 0.75  # share in the colours of skin
ENOUGH = 1.8  # `_capacity` at which the amplitude is as above
BOOST = 0.8, 2.12  # bounds of the factor on it where capacity is higher or lower
SMALL = 0.55, 1.4  # bounds of the factor on it for pictures larger or smaller than 512 px
LOUDEST = 1.27  # grey levels (rms) over a frame: luma PSNR 46 dB
BUSY, LOUDER = 0.05, 1.4  # `_capacity` below which more is allowed, and how much more at most


def gain_map(frame: np.ndarray) -> np.ndarray:
    """Amplitude of the mark for a frame, uint8 (H, W, 3) RGB, in grey levels.

    Returns:
        float32, the frame scaled so that its short side is at most `SIDE`.
    """
    short = min(frame.shape[:2])
    scale = min(1.0, SIDE / short)
    size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
    small = cv2.cvtColor(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2YCrCb)
    luma, red, blue = (plane.astype(np.float32) for plane in cv2.split(small))
    visibility = np.clip((cv2.blur(luma, (3, 3)) - DARK) / (LIGHT - DARK), IN_THE_DARK, 1)
    skin = (np.abs(red - 153) < 18) & (np.abs(blue - 105) < 22)
    visibility *= 1 - (1 - SKIN) * cv2.blur(skin.astype(np.float32), (7, 7))

    capacity = _capacity(luma, visibility) + 1e-6
    boost = np.sqrt(ENOUGH / capacity) * np.clip(np.sqrt(512 / short), *SMALL)
    boost = np.clip(boost, *BOOST)
    gain = np.minimum(PLAIN * boost + TEXTURE * boost**2 * _texture(luma), MOST) * visibility
    loudest = LOUDEST * float(np.clip((BUSY / capacity) ** 0.25, 1, LOUDER))
    loudest *= min(1.0, (512 * 512 / (frame.shape[0] * frame.shape[1])) ** 0.25)  # a large picture has room to spare
    return gain * min(1.0, loudest / float(np.sqrt(np.mean(gain * gain))))


def _texture(luma: np.ndarray) -> np.ndarray:
    """Roots of grey levels, the least of the neighbourhood: none beside an edge, where a halo would show."""
    detail = cv2.blur(cv2.sqrt(cv2.absdiff(luma, cv2.blur(luma, (5, 5)))), (5, 5))
    return cv2.blur(np.maximum(cv2.erode(detail, np.ones((5, 5), np.uint8)) - 0.5, 0), (5, 5))


def _capacity(luma: np.ndarray, visibility: np.ndarray) -> float:
    """What the reader would get of a mark of amplitude 1; an even, bright picture has 4."""
    busy = cv2.blur(cv2.absdiff(luma, cv2.blur(luma, (3, 3))), (3, 3))
    return float(np.mean(visibility**2 / (busy**2 + 0.25)))
