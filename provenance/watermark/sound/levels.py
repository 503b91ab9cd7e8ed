"""Levels of the cells, with what the sound itself says taken out as far as its neighbours foretell it."""

from __future__ import annotations

import numpy as np

from .cells import EDGES

LOUDEST = 4.0  # dB; what a cell says at most
BEFORE, BESIDE = 0.5, 0.45  # share of each neighbour, in time and in frequency, that foretells a level best
_MEAN, _NOISE, _ALL = 1e-3, 6.0, 1e-6  # of the band's mean power, of its quietest tenth, of the mean of all bands


def band_weights(bins: int, spacing: float, pitch: float = 1.0) -> np.ndarray:
    """Part of each bin in each band, float32 (bins, BANDS); bins `spacing` Hz wide, bands `pitch` times as high."""
    edges = np.clip(EDGES * pitch / spacing + 0.5, 0, bins)
    inside = np.clip(edges[None] - np.arange(bins)[:, None], 0, 1)  # of the bin's width, how much lies below each edge
    return np.diff(inside, axis=1).astype(np.float32)


def floor(energy: np.ndarray) -> np.ndarray:
    """Power (BANDS,) below which the bands of (n, BANDS) say nothing: pauses and steady noise have no say."""
    some = energy[::4]
    tenth = len(some) // 10
    mean = energy.mean(axis=0)
    return _MEAN * mean + _NOISE * np.partition(some, tenth, axis=0)[tenth] + _ALL * mean.mean() + 1e-12


def decibel(energy: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Levels; what is lower than the floor stands at the floor."""
    return np.float32(10 / np.log(10)) * np.log(energy + floor)


def whiten(levels: np.ndarray, lag: int) -> np.ndarray:
    """What neighbours in time, `lag` rows away, and in frequency do not foretell; `lag` rows fewer at either end."""
    before, after = levels[..., : -2 * lag, :], levels[..., 2 * lag :, :]
    return with_neighbours(levels[..., lag:-lag, :] - BEFORE * (before + after), -BESIDE)


def with_neighbours(values: np.ndarray, share: float) -> np.ndarray:
    """Every column plus a share of the columns beside it; those at the edge stand in for what they lack."""
    total = values.copy()
    total[..., 1:] += share * values[..., :-1]
    total[..., :-1] += share * values[..., 1:]
    total[..., [0, -1]] += share * values[..., [0, -1]]
    return total
