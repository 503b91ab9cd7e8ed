"""Mel cepstra at 100 Hz with first and second differences, 39 numbers, as AniTalker's mfcc variants were trained on.

Davis & Mermelstein, 1980. The choices are those of python_speech_features with its defaults: pre-emphasis 0.97, 25 ms
without a window function, 512-point spectrum, 26 mel bands with whole-bin edges, orthonormal cosine transform, lifter
22, log energy in place of the first cepstrum; the differences over 1 and over 2 neighbours are both of the cepstra.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .audio import RATE, pieces

HOP, WINDOW, FFT, BANDS, KEPT = 160, 400, 512, 26, 13
BLOCK, AROUND = RATE, 2  # samples of a block, and ticks around it that the differences need
_TINY = float(np.finfo(np.float64).eps)


def stream(chunks: Iterable[np.ndarray]) -> Iterator[Tensor]:
    """Mono float32 chunks at 16 kHz → blocks (t, 1, 39), float32."""
    before, after = AROUND * HOP + 1, AROUND * HOP + WINDOW - HOP
    for samples, seen, count in pieces(chunks, BLOCK, before, after):
        wave = torch.from_numpy(samples).double()
        wave = torch.cat([wave[:1], wave[1:] - 0.97 * wave[:-1]])
        first, ticks = seen // HOP, -(-count // HOP)
        wave = wave[seen - first * HOP :]  # begins at a tick
        known = min(first + ticks + AROUND, max(-(-(len(wave) - WINDOW) // HOP), 0) + 1)
        cepstra = _cepstra(F.pad(wave, (0, max((known - 1) * HOP + WINDOW - len(wave), 0))), known)
        full = torch.cat([cepstra, _difference(cepstra, 1), _difference(cepstra, 2)], 1)
        block = full[first : first + ticks].float()
        if len(block):
            yield block[:, None]


def _cepstra(wave: Tensor, ticks: int) -> Tensor:
    """(n,) → (ticks, 13)."""
    frames = wave.unfold(0, WINDOW, HOP)[:ticks]
    power = torch.fft.rfft(frames, FFT).abs().square() / FFT
    bands = (power @ _filters()).clamp_min(_TINY).log()
    order, place = torch.arange(KEPT).double(), torch.arange(BANDS).double()
    cosine = (math.pi / BANDS * (place[:, None] + 0.5) * order).cos() * math.sqrt(2 / BANDS)
    cosine[:, 0] /= math.sqrt(2)
    cepstra = bands @ cosine * (1 + 11 * (math.pi * order / 22).sin())
    cepstra[:, 0] = power.sum(1).clamp_min(_TINY).log()
    return cepstra


def _filters() -> Tensor:
    """Triangles over whole bins, (257, 26), from 0 to 8000 Hz."""
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    edges = np.floor((FFT + 1) * 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1) / RATE)
    bins = np.arange(FFT // 2 + 1)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.where(bins < edges[2:], np.clip(np.minimum(rise, fall), 0, None), 0))


def _difference(x: Tensor, reach: int) -> Tensor:
    """Slope of (t, c) over ± `reach` ticks, the ends repeated."""
    padded = torch.cat([x[:1].expand(reach, -1), x, x[-1:].expand(reach, -1)])
    count = len(x)
    total, steps = torch.zeros_like(x), range(1, reach + 1)
    for step in steps:
        total += step * (padded[reach + step :][:count] - padded[reach - step :][:count])
    return total / (2 * sum(step * step for step in steps))
