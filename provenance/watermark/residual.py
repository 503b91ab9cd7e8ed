"""From mean frames to one spectrum in which the mark stands out."""

from __future__ import annotations

import cv2
import numpy as np

from .carriers import TILES

# Found by coordinate search over twelve clips and codecs; all lie on flat optima.
HIGH_PASS, WINDOW = 0.025, 0.035  # Gaussian sigmas in tiles
NOISE = 0.7  # grey levels that codecs leave in plain areas
_PADDING = 3  # times the picture, so that the spectrum can be interpolated


def whiten(luma: np.ndarray) -> np.ndarray:
    """The picture's detail with its local contrast divided out, float32 (H, W).

    Each pixel counts by the inverse of the variance around it, as a matched filter wants: where the picture is quiet
    the mark is heard.
    """
    tile = min(luma.shape) / TILES
    detail = luma - cv2.GaussianBlur(luma, (0, 0), HIGH_PASS * tile)
    contrast = cv2.GaussianBlur(np.abs(detail), (0, 0), WINDOW * tile)
    return detail / (contrast * contrast + NOISE * NOISE)


class Spectrum:
    """The Fourier transform of a residual, float32 (H, W), of even power, to be looked up at any frequency.

    Phases are relative to the picture's middle, `centre` (x, y) in px.
    """

    def __init__(self, residual: np.ndarray) -> None:
        height, width = residual.shape
        self.size = np.array([cv2.getOptimalDFTSize(_PADDING * side) for side in (width, height)])
        self.centre = np.array([width // 2, height // 2])
        canvas = np.zeros(self.size[::-1], np.float32)
        canvas[:height, :width] = residual
        canvas = np.roll(canvas, -self.centre[::-1], (0, 1))  # about the origin the spectrum is smooth
        self._middle = self.size // 2
        spectrum = np.roll(cv2.dft(canvas, flags=cv2.DFT_COMPLEX_OUTPUT), self._middle[::-1], (0, 1))
        power = cv2.multiply(spectrum, spectrum).sum(axis=2)
        span = np.round(2.5 * self.size * TILES / min(height, width)).astype(int)  # 2.5 carriers wide
        power = cv2.blur(power, (int(span[0]), int(span[1])))
        self._values = spectrum / np.sqrt(power + 1e-12 + 1e-6 * power.max())[..., None]

    def at(self, frequencies: np.ndarray) -> np.ndarray:
        """Values complex64 (n, k) at frequencies (n, k, 2), cycles per px along x and y; 0 beyond the Nyquist rate."""
        place = (frequencies * self.size + self._middle).astype(np.float32)
        found = cv2.remap(self._values, place[..., 0], place[..., 1], cv2.INTER_CUBIC)
        values = found[..., 0] + 1j * found[..., 1]
        return values * (np.abs(frequencies) < 0.5).all(axis=-1)
