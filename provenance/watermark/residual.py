"""From mean frames to one spectrum in which the mark stands out."""

from __future__ import annotations

import cv2
import numpy as np

from .carriers import COARSEST, FINEST, TILES
from .mask import gain_map

# Found by coordinate search over clips and codecs; all lie on flat optima.
HIGH_PASS, WINDOW = 0.025, 0.035  # Gaussian sigmas in tiles
NOISE = 1.5  # grey levels that codecs leave in plain areas
_PADDING = 3  # times the picture, so that the spectrum can be interpolated


def whiten(luma: np.ndarray) -> np.ndarray:
    """The picture's detail with its local contrast divided out, float32 (H, W).

    Each pixel counts by the amplitude that it was marked with over the variance around it, as a matched filter wants.
    """
    tile = min(luma.shape) / TILES
    detail = luma - cv2.GaussianBlur(luma, (0, 0), HIGH_PASS * tile)
    contrast = cv2.GaussianBlur(np.abs(detail), (0, 0), WINDOW * tile)
    grey = cv2.merge([np.clip(luma, 0, 255).astype(np.uint8)] * 3)
    gain = cv2.resize(gain_map(grey), luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return detail * gain / (contrast * contrast + NOISE * NOISE)


class Spectrum:
    """The Fourier transform of a residual, float32 (H, W), of even power, to be looked up at any frequency.

    Phases are relative to the picture's middle, `centre` (x, y) in px; `extent` is its width and height.
    """

    def __init__(self, residual: np.ndarray) -> None:
        height, width = residual.shape
        self.residual, self.extent = residual, np.array([width, height])
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

    def comb(self, short_side: float, scales: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """How alike the residual is to itself moved, float32 (h, w) over moves about its middle (x, y): tiles repeat.

        Only the band that carriers can lie in counts, for tiles between these shares of the picture's own.
        """
        power = cv2.multiply(self._values, self._values).sum(axis=2)
        power /= 1 + power
        tile = short_side / TILES
        x, y = (((np.arange(size) - size // 2) * (tile / size)).astype(np.float32) for size in self.size)
        square = (x * x)[None] + (y * y)[:, None]
        band = (square > (COARSEST / scales[1]) ** 2) & (square < (FINEST / scales[0]) ** 2)
        band &= (np.abs(x) > 0.7) & (np.abs(y)[:, None] > 0.7)  # the edges of pictures and of things lie level
        power = np.where(band, power - power[band].mean(), 0).astype(np.float32)
        spread = np.roll(power, -self._middle[::-1], (0, 1))
        likeness = np.roll(cv2.dft(spread, flags=cv2.DFT_COMPLEX_OUTPUT)[..., 0], self._middle[::-1], (0, 1))
        noise = cv2.blur(cv2.multiply(likeness, likeness), (int(tile / 2), int(tile / 2)))
        return np.clip(likeness / np.sqrt(noise + 1e-12), -4, 4), self._middle

    def at(self, frequencies: np.ndarray) -> np.ndarray:
        """Values complex64 (n, k) at frequencies (n, k, 2), cycles per px along x and y; 0 beyond the Nyquist rate."""
        place = (frequencies * self.size + self._middle).astype(np.float32)
        found = cv2.remap(self._values, place[..., 0], place[..., 1], cv2.INTER_CUBIC)
        values = found[..., 0] + 1j * found[..., 1]
        return values * (np.abs(frequencies) < 0.5).all(axis=-1)
