"""Marking sound: a stream in, the same stream with the mark out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy import fft

from ..key import resolve_key
from ..payload import to_bits
from .cells import BANDS, SLOT, SLOTS, SYMBOLS, cells
from .levels import LOUDEST, band_weights, decibel, floor, whiten, with_neighbours
from .mask import thresholds

STRONGEST = 3.0  # dB
NOISE_TO_MASK = 1.0
QUIETEST = 1e-7  # mean square of what is left alone: -70 dBFS
MARGIN, SOFTNESS = 6.0, 3.0  # dB that a period's symbol shall stand clear of a wrong reading
PRICE = 0.45
PILOT = 0.7  # what a pilot is worth against a symbol in danger
MEMORY = 0.7  # of what the periods before have left to a symbol
BLUR_TIME, BLUR_BANDS = (0.12, 0.6), 0.19  # of a change, what shows in the level before and after, its own, and beside
ITERATIONS = 8


class SoundMarker:
    """Marks one sound.

    Args:
        record_id: 16 hex digits.
        rate: samples per second, 8,000 or more; bands above half of it stay empty.
        key: default as `resolve_key`.

    The output does not depend on how the sound is cut into chunks. ValueError for a bad id or rate.
    """

    def __init__(self, record_id: str, *, rate: int, key: bytes | None = None) -> None:
        if rate < 8000:
            raise ValueError(f"sound of {rate} samples per second has no room for the mark")
        key = resolve_key() if key is None else key
        self._cells = cells(key)
        self._wanted = self._cells.modulate(to_bits(record_id, key))
        self._hop = round(SLOT * rate / 4)
        self._size = 4 * self._hop
        self._spacing = rate / self._size
        self._weights = band_weights(self._size // 2 + 1, self._spacing)
        self._follows = (self._weights > 0.5).astype(float)  # (bins, BANDS): the band that a bin goes with
        turns = 2 * np.pi * (np.arange(self._size) + 0.5) / self._size
        self._look = 0.5 - 0.5 * np.cos(turns)
        self._window = np.sqrt(self._look)

    def mark(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Mono float samples in chunks; as many come out, somewhat more than a period later, as float32."""
        hop = self._hop
        step, ahead = SLOTS * 4 * hop, (SLOTS * 4 + 8) * hop
        self._past = np.zeros((1, BANDS), np.float32)
        self._owed = np.zeros(SYMBOLS + 1)
        self._floor = np.zeros(BANDS)
        self._carry = np.zeros(2 * hop)
        rest, begin = np.zeros(hop, np.float32), hop  # a window begins a hop before its slot
        for samples in chunks:
            rest = np.concatenate([rest, np.asarray(samples, np.float32)])
            while len(rest) >= ahead:
                yield self._block(rest[:ahead])[begin:]
                rest, begin = rest[step:], 0
        while len(rest) > begin:
            whole = np.pad(rest, (0, max(0, ahead - len(rest))))
            yield self._block(whole[:ahead])[begin : len(rest)]
            rest, begin = rest[step:], 0

    def _block(self, samples: np.ndarray) -> np.ndarray:
        """One period, marked; `samples` go on for two slots."""
        hop = self._hop
        views = np.lib.stride_tricks.sliding_window_view(samples, self._size)
        frames = 2 * SLOTS
        spectra = fft.rfft(views[: SLOTS * 4 * hop : 2 * hop] * self._window, axis=1)
        looks = fft.rfft(views[: (SLOTS * 4 + 4) * hop : hop] * self._look, axis=1)
        gain = self._gain(spectra.real**2 + spectra.imag**2, looks.real**2 + looks.imag**2)
        change = fft.irfft(spectra * gain, n=self._size, axis=1) * self._window
        added = np.zeros((frames + 1, 2 * hop))
        added[0] = self._carry
        added[:-1] += change[:, : 2 * hop]
        added[1:] += change[:, 2 * hop :]
        self._carry = added[-1]
        return (samples[: frames * 2 * hop] + added[:-1].ravel()).astype(np.float32)

    def _gain(self, power: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """What to add to the spectra, as a factor (2 SLOTS, bins)."""
        energy = seen @ self._weights
        self._floor = np.maximum(floor(energy), 0.7 * self._floor)
        level = decibel(energy, self._floor)
        level = level.reshape(-1, 4, BANDS)[:, :3].mean(axis=1)
        room = self._room(power)
        slot_energy = energy.reshape(-1, 4, BANDS)[:SLOTS, :3].mean(axis=1)
        shown = room.reshape(SLOTS, 2, BANDS).mean(axis=1) * slot_energy / (slot_energy + self._floor)
        share, level = self._shares(np.concatenate([self._past, level]), shown)
        self._past = level[SLOTS : SLOTS + 1]
        db = np.repeat(share, 2, axis=0) * room
        return (10 ** (db / 20) - 1) @ self._follows.T

    def _shares(self, level: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How much of its room each cell uses, -1 to 1, (SLOTS, BANDS), and the levels that come of it."""
        symbols, wanted = self._cells.symbols.ravel(), self._wanted
        share = wanted * 0.7
        for turn in range(ITERATIONS + 1):
            change = np.zeros_like(level)
            change[1:-1] = _blurred(np.pad(share * shown, ((1, 1), (0, 0))))
            surprise = whiten(level + change, 1)
            inside = np.abs(surprise) < LOUDEST
            stands = (
                np.bincount(symbols, (np.clip(surprise, -LOUDEST, LOUDEST) * wanted).ravel(), SYMBOLS + 1) + self._owed
            )
            if turn == ITERATIONS:
                break
            weight = 1 / (1 + np.exp((stands - MARGIN) / SOFTNESS))
            weight[SYMBOLS] = PILOT
            pull = np.pad(wanted * weight[symbols].reshape(wanted.shape) * inside, ((2, 2), (0, 0)))
            slope = _blurred(whiten(pull, 1)) * shown
            share = 0.5 * share + 0.5 * np.clip(slope / PRICE, -1, 1)
        self._owed = MEMORY * stands
        self._owed[SYMBOLS] = 0
        return share, level + change

    def _room(self, power: np.ndarray) -> np.ndarray:
        """Decibels that each band may move, (2 SLOTS, BANDS)."""
        full_scale = self._size**2 / 8  # a sine of amplitude 1 in the spectrum
        threshold, energy, bark = thresholds(power, self._spacing, full_scale)
        room = 20 * np.log10(1 + np.sqrt(NOISE_TO_MASK * threshold / (energy + 1e-12)))
        room = np.minimum(room, STRONGEST)
        room[power.sum(axis=1) < QUIETEST * self._size**2 / 4] = 0
        return room[:, bark[np.argmax(self._follows, axis=0)]]


def _blurred(change: np.ndarray) -> np.ndarray:
    """What a change of cells (n, BANDS) does to the levels (n - 2, BANDS) that the reader sees."""
    own = BLUR_TIME[1] * change[1:-1] + BLUR_TIME[0] * (change[:-2] + change[2:])
    return with_neighbours(own, BLUR_BANDS)
