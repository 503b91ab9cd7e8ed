"""How far a level may move without being heard: a small psychoacoustic model.

Bark bands, Schroeder's spreading function, an offset between noise-like and tonal maskers after Johnston ("Transform
coding of audio signals using perceptual noise criteria", 1988), and Terhardt's threshold in quiet, for a listener at
whom full scale arrives with `FULL_SCALE` dB SPL.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

FULL_SCALE = 96.0  # dB SPL of a sine at full scale
TONAL = 20.0  # dB that the spectrum within a band is less flat than white noise where it counts as a tone


def bark(hertz: np.ndarray) -> np.ndarray:
    """Critical band rate (Zwicker, Terhardt 1980)."""
    return 13 * np.arctan(0.00076 * hertz) + 3.5 * np.arctan((hertz / 7500) ** 2)


@lru_cache(maxsize=8)
def _model(bins: int, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First bin of each band (b,), spreading (b, b), threshold in quiet of a band (b,), band of a bin (bins,)."""
    hertz = np.arange(bins) * spacing
    band = np.floor(bark(hertz)).astype(int)
    starts = np.searchsorted(band, np.arange(band[-1] + 1))
    distance = np.arange(len(starts))[:, None] - np.arange(len(starts))[None]  # of the masked from the masker
    x = distance + 0.474
    spread = 10 ** ((15.81 + 7.5 * x - 17.5 * np.sqrt(1 + x**2)) / 10)
    kilohertz = np.maximum(hertz, 20) / 1000
    quiet = 3.64 * kilohertz**-0.8 - 6.5 * np.exp(-0.6 * (kilohertz - 3.3) ** 2) + 1e-3 * kilohertz**4
    quiet = np.minimum.reduceat(quiet, starts) - FULL_SCALE
    return starts, spread, 10 ** (np.minimum(quiet, 0) / 10), band


def thresholds(power: np.ndarray, spacing: float, full_scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masking thresholds of spectra.

    Args:
        power: (n, bins) of windowed spectra.
        spacing: of the bins in Hz.
        full_scale: power that a sine of amplitude 1 has in a spectrum, summed over its bins.

    Returns:
        Threshold (n, b) and power (n, b) of the Bark bands, in units of `power`, and the band of each bin (bins,).
    """
    starts, spread, quiet, band = _model(power.shape[1], spacing)
    energy = np.add.reduceat(power, starts, axis=1)
    width = np.diff(np.append(starts, power.shape[1]))
    logarithm = np.add.reduceat(np.log(power + 1e-20), starts, axis=1) / width
    flatness = 10 / np.log(10) * (logarithm - np.log(energy / width + 1e-20))
    tonal = np.clip(flatness / -TONAL, 0, 1)
    offset = tonal * (14.5 + np.arange(len(starts))) + (1 - tonal) * 5.5
    masked = (energy * 10 ** (-offset / 10)) @ spread.T
    return np.maximum(masked, quiet * full_scale), energy, band
