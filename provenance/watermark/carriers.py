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
CLOCK_FINEST = 20  # cycles per tile; the carriers between FINEST and this tell the time
CLOCK_SHARE = 0.04  # of the power
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
        clock: int (c, 2), carriers whose phases change with time and tell which part of the video this is.
    """

    pilots: np.ndarray
    pilot_phases: np.ndarray
    data: np.ndarray
    data_phases: np.ndarray
    slots: np.ndarray
    clock: np.ndarray

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
    points = _ring(COARSEST, FINEST)
    points = points[np.argsort(_numbers(key, b"order", len(points)))]
    phases = np.exp(2j * np.pi * _numbers(key, b"phases", len(points)) / 2.0**64)
    split = round(PILOTS * len(points))
    slots = np.argsort(_numbers(key, b"slots", 2 * (len(points) - split))) % (BITS * code.RATE)
    clock = _ring(FINEST + 1e-6, CLOCK_FINEST)
    return Carriers(points[:split], phases[:split], points[split:], phases[split:], slots, clock)


def _ring(coarsest: float, finest: float) -> np.ndarray:
    """Whole cycles per tile (n, 2) between two radii, in the half plane that the other half mirrors."""
    span = np.arange(-CLOCK_FINEST, CLOCK_FINEST + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(span, span))
    half_plane = (y > 0) | ((y == 0) & (x > 0))
    return np.stack([x, y], axis=1)[half_plane & (np.hypot(x, y) >= coarsest) & (np.hypot(x, y) <= finest)]


@lru_cache(maxsize=4)
def clock_phases(key: bytes, parts: int) -> np.ndarray:
    """Phases of the clock's carriers in each part of a video, complex64 (parts, c)."""
    count = len(carriers(key).clock)
    numbers = _numbers(key, b"clock", parts * count).reshape(parts, count)
    return np.exp(2j * np.pi * numbers / 2.0**64).astype(np.complex64)


def _numbers(key: bytes, purpose: bytes, count: int) -> np.ndarray:
    """Uniform uint64 (count,) from SHAKE-256: the same on every machine and with every numpy."""
    stream = hashlib.shake_256(b"\0".join((_VERSION, purpose, key))).digest(8 * count)
    return np.frombuffer(stream, "<u8")


def pattern(bits: np.ndarray, key: bytes, *, width: int, height: int) -> np.ndarray:
    """The mark before masking and without its clock, float32 (height, width), mean square 1."""
    points, amplitudes = carriers(key).modulate(bits)
    return _wave(points, amplitudes / np.sqrt(len(points) / 2), width, height)


def clock(key: bytes, part: int, *, width: int, height: int) -> np.ndarray:
    """What is added to the mark in a part of the video, float32 (height, width), mean square CLOCK_SHARE."""
    points = carriers(key).clock
    phases = clock_phases(key, -(-(part + 1) // 256) * 256)[part]
    return _wave(points, phases * np.sqrt(2 * CLOCK_SHARE / len(points)), width, height)


def _wave(points: np.ndarray, amplitudes: np.ndarray, width: int, height: int) -> np.ndarray:
    finest = int(np.abs(points).max())
    spectrum = np.zeros((2 * finest + 1, 2 * finest + 1), np.complex64)
    spectrum[points[:, 1] + finest, points[:, 0] + finest] = amplitudes
    cycles = np.arange(-finest, finest + 1) * TILES / min(width, height)
    across, down = (
        np.exp(2j * np.pi * np.outer(np.arange(size), cycles)).astype(np.complex64) for size in (width, height)
    )
    wave = down @ spectrum
    return wave.real @ across.real.T - wave.imag @ across.imag.T
