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

STRONGEST = 2.75  # dB that a level moves at most
NOISE_TO_MASK = 1.0  # power of the change against the masking threshold, at most
QUIETEST = 1e-7  # mean square of what is left alone: -70 dBFS
WHITE = 0.03  # power of the noise, against a band's mean, that the mark is made for beside none at all
MARGIN, SOFTNESS = 6.0, 3.0  # dB by which a period's symbol shall stand clear of a wrong reading
PILOT = 0.7  # what a pilot is worth against a symbol in danger
PRICE = 0.3  # what strength must bring to be spent
MEMORY = 0.7  # of what the periods before have done for a symbol
BLUR_TIME, BLUR_BANDS = (0.12, 0.6), 0.19  # of a change: what shows a slot away and in its own; then a band away
ITERATIONS = 8


class SoundMarker:
    """Marks sound, a period at a time, as a stream.

    What the reader will take a cell to say is what the sound says by itself plus, blurred, what the marker changes. So
    each period is a small optimisation: move levels, within what the mask allows, until every sign of the code word
    would be read right with a margin, in silence and in noise, with what the periods before have done for it.

    Args:
        record_id: 16 hex digits.
        rate: samples per second, 8,000 or more; bands above half of it stay empty.
        key: default as `resolve_key`.

    Raises:
        ValueError: a bad id or rate.
    """

    SLOWEST = 8000

    def __init__(self, record_id: str, *, rate: int, key: bytes | None = None) -> None:
        if rate < self.SLOWEST:
            raise ValueError(f"sound of {rate} samples per second has no room for the mark")
        key = resolve_key() if key is None else key
        self._cells = cells(key)
        self._wanted = self._cells.modulate(to_bits(record_id, key))
        self._hop = round(SLOT * rate / 4)
        self._size = 4 * self._hop
        self._spacing = rate / self._size
        self._weights = band_weights(self._size // 2 + 1, self._spacing)
        self._follows = (self._weights > 0.5).astype(np.float32)  # (bins, BANDS): the band that a bin goes with
        turns = 2 * np.pi * (np.arange(self._size) + 0.5) / self._size
        self._look = (0.5 - 0.5 * np.cos(turns)).astype(np.float32)
        self._window = np.sqrt(self._look)
        self._begin()

    def mark(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Mark mono samples; as many come out as go in, as float32, after at most 1.2 s.

        Args:
            chunks: float (n,) each; how the sound is cut into them does not change what comes out.
        """
        hop = self._hop
        step, ahead = SLOTS * 4 * hop, (SLOTS * 4 + 8) * hop
        self._begin()
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

    def _begin(self) -> None:
        """What one period leaves to the next, as seen in silence and in noise: (2, …)."""
        self._past = np.zeros((2, 1, BANDS), np.float32)  # the levels of its last slot
        self._owed = np.zeros((2, SYMBOLS + 1))  # how far each symbol stands clear
        self._floor = np.zeros((2, BANDS), np.float32)
        self._carry = np.zeros(2 * self._hop, np.float32)  # the end of its last window

    def _block(self, samples: np.ndarray) -> np.ndarray:
        """One period, marked; `samples` go on for two slots."""
        hop = self._hop
        views = np.lib.stride_tricks.sliding_window_view(samples, self._size)
        frames = 2 * SLOTS
        spectra = np.asarray(fft.rfft(views[: SLOTS * 4 * hop : 2 * hop] * self._window, axis=1))
        looks = np.asarray(fft.rfft(views[: (SLOTS * 4 + 4) * hop : hop] * self._look, axis=1))
        gain = self._gain(np.abs(spectra) ** 2, np.abs(looks) ** 2)
        change = np.asarray(fft.irfft(spectra * gain, n=self._size, axis=1)) * self._window
        added = np.zeros((frames + 1, 2 * hop), np.float32)
        added[0] = self._carry
        added[:-1] += change[:, : 2 * hop]
        added[1:] += change[:, 2 * hop :]
        self._carry = added[-1]
        return (samples[: frames * 2 * hop] + added[:-1].ravel()).astype(np.float32)

    def _gain(self, power: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """What to add to the spectra, as a factor (2 SLOTS, bins)."""
        energy = seen @ self._weights
        white = WHITE * energy.mean()
        quiet = floor(energy)
        self._floor = np.maximum([quiet, quiet + white], 0.7 * self._floor).astype(np.float32)
        floors = self._floor[:, None]
        level = decibel(energy, floors).reshape(2, -1, 4, BANDS)[:, :, :3].mean(axis=2)
        room = self._room(power)
        energy = energy.reshape(-1, 4, BANDS)[:SLOTS, :3].mean(axis=1)
        shown = room.reshape(SLOTS, 2, BANDS).mean(axis=1) * energy / (energy + floors)
        share = self._shares(np.concatenate([self._past, level], axis=1), shown)
        db = np.repeat(share, 2, axis=0) * room
        return (10 ** (db / 20) - 1) @ self._follows.T

    def _shares(self, level: np.ndarray, shown: np.ndarray) -> np.ndarray:
        """How much of its room each cell uses, -1 to 1, (SLOTS, BANDS)."""
        symbols, wanted = self._cells.symbols, self._wanted
        share, stands, after = wanted * np.float32(0.7), self._owed, level
        for turn in range(ITERATIONS + 1):
            after = level.copy()
            after[:, 1:-1] += _blurred(_padded(share * shown, 1))
            surprise = whiten(after, 1)
            says = np.clip(surprise, -LOUDEST, LOUDEST) * wanted
            stands = self._owed + np.stack([np.bincount(symbols.ravel(), each.ravel(), SYMBOLS + 1) for each in says])
            if turn == ITERATIONS:
                break
            danger = 1 / (1 + np.exp((stands - MARGIN) / SOFTNESS))
            danger[:, SYMBOLS] = PILOT
            pull = wanted * danger.astype(np.float32)[:, symbols] * (np.abs(surprise) < LOUDEST)
            slope = (_blurred(whiten(_padded(pull, 2), 1)) * shown).sum(axis=0)
            share = 0.5 * share + 0.5 * np.clip(slope / PRICE, -1, 1)
        self._past = after[:, SLOTS : SLOTS + 1]
        self._owed = MEMORY * stands
        self._owed[:, SYMBOLS] = 0
        return share

    def _room(self, power: np.ndarray) -> np.ndarray:
        """Decibels that each band may move, (2 SLOTS, BANDS)."""
        full_scale = self._size**2 / 8  # a sine of amplitude 1 in the spectrum
        threshold, energy, bark = thresholds(power, self._spacing, full_scale)
        room = 20 * np.log10(1 + np.sqrt(NOISE_TO_MASK * threshold / (energy + 1e-12)))
        room = np.minimum(room, STRONGEST)
        room[power.sum(axis=1) < QUIETEST * self._size**2 / 4] = 0
        return room[:, bark[np.argmax(self._follows, axis=0)]]


def _blurred(change: np.ndarray) -> np.ndarray:
    """What a change of cells (…, n, BANDS) does to the levels (…, n - 2, BANDS) that the reader sees."""
    sides = change[..., :-2, :] + change[..., 2:, :]
    return with_neighbours(BLUR_TIME[1] * change[..., 1:-1, :] + BLUR_TIME[0] * sides, BLUR_BANDS)


def _padded(cells: np.ndarray, slots: int) -> np.ndarray:
    return np.pad(cells, ((0, 0), (slots, slots), (0, 0)))
