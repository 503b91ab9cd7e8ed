"""Where in the sound the pattern lies, and how fast and how high it is played."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from .cells import BANDS, SLOT, SLOTS, Cells
from .levels import LOUDEST, band_weights, decibel, floor, whiten

RATE = 16_000  # what the reader listens at
HOPS = 4  # frames in a slot
MIDDLE = 3  # of them that make the level of a slot: its edges blur into the next
HOP = round(SLOT * RATE / HOPS)
WINDOW = HOP * HOPS
BINS = 321  # 25 Hz apart
OFFSETS = SLOTS * HOPS
WIDEST = 0.12  # of speed, tempo or pitch
SPEED_STEP, PITCH_STEP = 0.003, 0.005


@dataclass(frozen=True)
class Alignment:
    """A hypothesis and how well the pilots fit it.

    Attributes:
        speed: seconds of marked sound in a second of this one.
        pitch: frequencies here by those of the marked sound.
        cells: float32 (SLOTS, BANDS), what was heard, from the beginning of a period on, all periods added up.
        z: normalised correlation with the pilots. As their signs are random, unmarked sound gives more than z at one
            speed, pitch and offset with a probability of at most exp(-z² / 2) (Hoeffding), whatever the sound.
    """

    speed: float
    pitch: float
    cells: np.ndarray
    z: float


class Listener:
    """What every cell of one sound says, at any pitch.

    Args:
        samples: float32 (n,) at RATE, a few slots at least.
    """

    def __init__(self, samples: np.ndarray) -> None:
        window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        views = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
        spectra = np.asarray(fft.rfft(views * window, 2 * BINS - 2, axis=1))
        self._power = np.abs(spectra) ** 2
        self._last: tuple[float, np.ndarray] | None = None

    def hear(self, pitch: float) -> np.ndarray:
        """Surprise in dB, float32 (frames, BANDS), of the slot that begins with each frame."""
        if self._last is None or self._last[0] != pitch:
            energy = self._power @ band_weights(BINS, RATE / (2 * BINS - 2), pitch)
            level = decibel(energy, floor(energy))
            count = len(level) - MIDDLE + 1
            slots = sum((level[k : k + count] for k in range(1, MIDDLE)), level[:count]) / MIDDLE
            self._last = pitch, np.clip(whiten(slots, HOPS), -LOUDEST, LOUDEST)
        return self._last[1]


def align(listener: Listener, known: Cells, speed: float, pitch: float) -> Alignment:
    """The best of all OFFSETS for a speed and a pitch."""
    slots = _fold(listener.hear(pitch), speed)
    pilots = known.pilots[:, None]
    score = _correlate(slots, pilots)
    power = _correlate(slots**2, pilots**2)
    z = score / np.sqrt(np.maximum(power, 1e-6))
    slot, phase = np.unravel_index(np.argmax(z), z.shape)
    return Alignment(speed, pitch, np.roll(slots[:, phase], -slot, axis=0), float(z[slot, phase]))


def _fold(heard: np.ndarray, speed: float) -> np.ndarray:
    """All periods added up: (SLOTS, HOPS, BANDS)."""
    rows = heard[(np.arange(int(len(heard) * speed)) / speed).astype(int)]
    rows = np.pad(rows, ((0, -len(rows) % OFFSETS), (0, 0)))
    return rows.reshape(-1, SLOTS, HOPS, BANDS).sum(axis=0)


def _correlate(slots: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Sum of products (SLOTS, HOPS) with the pattern that begins at each slot."""
    heard, known = np.asarray(fft.rfft(slots, axis=0)), np.asarray(fft.rfft(pattern, axis=0))
    return np.asarray(fft.irfft((heard * known.conj()).sum(axis=2), n=SLOTS, axis=0))


def families() -> list[list[tuple[float, float]]]:
    """Hypotheses (speed, pitch): as it was; played faster or slower; tempo alone; pitch alone."""
    fast, high = (
        [1 + step * k for k in range(-round(WIDEST / step), round(WIDEST / step) + 1) if k]
        for step in (SPEED_STEP, PITCH_STEP)
    )
    return [[(1.0, 1.0)], [(s, s) for s in fast], [(s, 1.0) for s in fast], [(1.0, p) for p in high]]


def refined(found: Alignment) -> list[tuple[float, float]]:
    """Hypotheses between those of the grid, about the best of them."""
    steps = [1 + sign * SPEED_STEP / 3 for sign in (-1, 1)]
    if found.speed == 1.0:
        return [(1.0, found.pitch * step) for step in steps] if found.pitch != 1.0 else []
    return [(found.speed * step, found.pitch * step if found.pitch != 1.0 else 1.0) for step in steps]
