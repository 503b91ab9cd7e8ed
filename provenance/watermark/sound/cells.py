"""Which cell of the time-frequency grid carries which sign: everything that follows from the key.

The grid is `SLOTS` slots of 40 ms by `BANDS` bands and repeats over the sound. A quarter of its cells are pilots, sent
unmodulated, by which the reader finds time, speed and pitch and knows that a mark is there; each sign of the code word
sits on two or three of the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .. import code
from ..payload import BITS

SLOT = 0.03  # seconds
SLOTS = 36  # a period of 1.08 s: no multiple of a musical beat
LOWEST, WIDTH, BANDS = 300.0, 80.0, 81  # Hz: what telephones, codecs and a low-pass leave
PILOTS = 0.25
SYMBOLS = BITS * code.RATE
_VERSION = b"facewright sound mark 1"


EDGES = LOWEST + WIDTH * np.arange(BANDS + 1)
"""Borders of the bands in Hz."""


@dataclass(frozen=True)
class Cells:
    """The grid of one key.

    Attributes:
        signs: float32 (SLOTS, BANDS), what a cell is multiplied by.
        symbols: int (SLOTS, BANDS), which sign of the code word a cell carries; SYMBOLS for a pilot.
        pilots: float32 (SLOTS, BANDS), the signs of the pilots, 0 elsewhere.
    """

    signs: np.ndarray
    symbols: np.ndarray
    pilots: np.ndarray

    def modulate(self, bits: np.ndarray) -> np.ndarray:
        """+1 where a cell is to be raised, -1 where lowered, for a message of BITS bits."""
        return self.signs * np.append(code.encode(bits), 1.0).astype(np.float32)[self.symbols]

    def demodulate(self, values: np.ndarray) -> np.ndarray:
        """The soft code word (SYMBOLS,) in received cells (SLOTS, BANDS), in which each symbol adds up its cells."""
        return np.bincount(self.symbols.ravel(), (values * self.signs).ravel(), SYMBOLS + 1)[:SYMBOLS]


@lru_cache(maxsize=16)
def cells(key: bytes) -> Cells:
    """The grid of a key."""
    count = SLOTS * BANDS
    pilots = round(PILOTS * count)
    symbols = np.full(count, SYMBOLS)
    order = np.argsort(_numbers(key, b"order", count))
    symbols[order[pilots:]] = np.arange(count - pilots) % SYMBOLS
    symbols = symbols.reshape(SLOTS, BANDS)
    signs = np.where(_numbers(key, b"signs", count) & 1, np.float32(1), np.float32(-1)).reshape(SLOTS, BANDS)
    return Cells(signs, symbols, signs * (symbols == SYMBOLS))


def _numbers(key: bytes, purpose: bytes, count: int) -> np.ndarray:
    """Uniform uint64 (count,) from SHAKE-256: the same on every machine and with every numpy."""
    return np.frombuffer(hashlib.shake_256(b"\0".join((_VERSION, purpose, key))).digest(8 * count), "<u8")
