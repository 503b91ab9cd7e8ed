"""Which part of the marked video each part of a file is: cut, repeated and re-ordered parts are located.

Some carriers, finer than the rest, change their phases every two seconds, in an order that follows from the key. They
tell nothing of the id, and they are the first to go when a picture is halved or coded at a low rate; then the order
stays unknown. Encoders copy what stands still from frame to frame and the clock's former state with it, so a clock
that lags is no contradiction, one that runs back or leaps ahead is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from .carriers import carriers, clock_phases
from .geometry import Placement

SECONDS = 2.0  # that the clock stands still
PARTS = 1792  # after which it begins again: an hour, less a few seconds
SURE = 5.6  # score that one part in 10,000 reaches by chance


class Part(TypedDict):
    """A stretch of the file, seconds, and where in the marked video it began, give or take two seconds."""

    start: float
    end: float
    origin: float


def order(pieces: Sequence[tuple[float, float, np.ndarray]], placement: Placement, key: bytes) -> list[Part]:
    """Where in the marked video the pieces of a file come from.

    Args:
        pieces: start and end in the file, seconds, and residual (H, W).
        placement: of the mark in them.
        key: of the mark.

    Returns:
        Stretches in the file's order whose origin is known; pieces without a clear origin are left out.
    """
    points = carriers(key).clock
    phases = clock_phases(key, PARTS).conj()
    turned = phases * np.exp(2j * np.pi * points @ placement.shift).astype(np.complex64)
    parts: list[Part] = []
    newest = -1.0
    for start, end, residual in pieces:
        values = _values(residual.astype(np.float32), points @ placement.matrix.T)
        values = values / np.sqrt(np.mean(np.abs(values) ** 2) + 1e-12)
        values = values / np.sqrt(1 + np.abs(values) ** 2)
        scores = (turned @ values).real / np.sqrt((np.abs(values) ** 2).sum() / 2)
        if scores.max() < SURE:
            continue
        origin = SECONDS * int(scores.argmax())
        if parts and newest <= origin <= parts[-1]["origin"] + start - parts[-1]["start"] + SECONDS:
            parts[-1]["end"] = round(end, 2)
        else:
            parts.append({"start": round(start, 2), "end": round(end, 2), "origin": origin})
        newest = origin
    return parts


def _values(residual: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """The residual's Fourier coefficients, complex64 (k,), at frequencies (k, 2) in cycles per px, about its middle."""
    height, width = residual.shape
    across, down = (
        np.exp(-2j * np.pi * np.outer(np.arange(size) - size // 2, frequencies[:, axis])).astype(np.complex64)
        for axis, size in enumerate((width, height))
    )
    real, imaginary = np.split(residual @ np.concatenate([across.real, across.imag], axis=1), 2, axis=1)
    return ((real + 1j * imaginary) * down).sum(axis=0)
