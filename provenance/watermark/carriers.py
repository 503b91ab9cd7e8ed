"""Which spatial frequencies carry the mark, and with which phases: everything that follows from the key.

The mark repeats in square tiles, `TILES` along the short side of the picture. A carrier is one Fourier coefficient of
the tile. Those with 5 to 18 cycles are used: finer ones die when the picture is halved, coarser ones show and drown in
the picture. Every carrier has a phase that only the key tells. A quarter of them are pilots, sent unmodulated, by which
the reader finds geometry and presence; each of the others carries two signs of the code word, one in phase, one in
quadrature.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import code
from .payload import BITS

TILES = 4
COARSEST, FINEST = 5, 18  # cycles per tile
PILOTS = 0.25
_VERSION = b"facewright video mark 1"


@dataclass(frozen=True)
class Carriers:
    """The carriers of one key.

    Attributes:
        pilots: int (p, 2), cycles per tile along x and y.
        pilot_phases: complex (p,), of magnitude 1.
        data: int (d, 2), likewise.
        data_phases: complex (d,).
        slots: int (2 d,), which sign of the code word each part of a carrier holds, all parts in phase first.
    """

    pilots: np.ndarray
    pilot_phases: np.ndarray
    data: np.ndarray
    data_phases: np.ndarray
    slots: np.ndarray

    def modulate(self, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All carriers (p + d, 2) and their complex amplitudes for a message of BITS bits."""
        in_phase, quadrature = code.encode(bits)[self.slots].reshape(2, -1)
        amplitudes = (in_phase + 1j * quadrature) / np.sqrt(2) * self.data_phases
        return np.concatenate([self.pilots, self.data]), np.concatenate([self.pilot_phases, amplitudes])

    def demodulate(self, values: np.ndarray) -> np.ndarray:
        """The soft code word (BITS * code.RATE,) in received data carriers, complex (d,)."""
        parts = values * self.data_phases.conj()
        return np.bincount(self.slots, np.concatenate([parts.real, parts.imag]), BITS * code.RATE)


@lru_cache(maxsize=16)
def carriers(key: bytes) -> Carriers:
    """The carriers of a key."""
    span = np.arange(-FINEST, FINEST + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(span, span))
    half_plane = (y > 0) | ((y == 0) & (x > 0))  # the other half mirrors it
    points = np.stack([x, y], axis=1)[half_plane & (np.hypot(x, y) >= COARSEST) & (np.hypot(x, y) <= FINEST)]
    points = points[np.argsort(_numbers(key, b"order", len(points)))]
    phases = np.exp(2j * np.pi * _numbers(key, b"phases", len(points)) / 2.0**64)
    split = round(PILOTS * len(points))
    slots = np.argsort(_numbers(key, b"slots", 2 * (len(points) - split))) % (BITS * code.RATE)
    return Carriers(points[:split], phases[:split], points[split:], phases[split:], slots)


def _numbers(key: bytes, purpose: bytes, count: int) -> np.ndarray:
    """Uniform uint64 (count,) from SHAKE-256: the same on every machine and with every numpy."""
    stream = hashlib.shake_256(b"\0".join((_VERSION, purpose, key))).digest(8 * count)
    return np.frombuffer(stream, "<u8")


def pattern(bits: np.ndarray, key: bytes, *, width: int, height: int) -> np.ndarray:
    """The mark before masking, float32 (height, width), mean square 1."""
    points, amplitudes = carriers(key).modulate(bits)
    spectrum = np.zeros((2 * FINEST + 1, 2 * FINEST + 1), np.complex64)
    spectrum[points[:, 1] + FINEST, points[:, 0] + FINEST] = amplitudes / np.sqrt(len(points) / 2)
    cycles = np.arange(-FINEST, FINEST + 1) * TILES / min(width, height)
    across, down = (
        np.exp(2j * np.pi * np.outer(np.arange(size), cycles)).astype(np.complex64) for size in (width, height)
    )
    wave = down @ spectrum
    return wave.real @ across.real.T - wave.imag @ across.imag.T
