"""Weights and inputs that depend on nothing but a name and a shape, so that two implementations can be filled alike.

The rule: a tensor NAME of shape S is drawn from PCG64 seeded with the CRC-32 of NAME. By default a matrix or kernel is
z / √fan-in, a vector called `weight` is 1 + z/10, a running variance 1 + |z|/10, any other vector z/20, a counter 0. A
network's own list of (pattern, mode) goes before: the first pattern found in NAME names a kind, or `kind*gain`.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np

KINDS = {
    "fanin": lambda z: z / math.sqrt(math.prod(z.shape[1:])),
    "unit": lambda z: z,
    "norm": lambda z: 1 + z / 10,
    "var": lambda z: 1 + np.abs(z) / 10,
    "bias": lambda z: z / 20,
    "zero": np.zeros_like,
}


def random(key: str) -> np.random.Generator:
    """The generator that belongs to a key."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))


def default_kind(name: str, rank: int) -> str:
    if name.endswith("num_batches_tracked"):
        return "zero"
    if name.endswith("bias"):
        return "bias"
    if rank >= 2:
        return "fanin"
    if name.endswith("running_var"):
        return "var"
    return "norm" if name.endswith("weight") else "bias"


def weight(name: str, shape: Sequence[int], rules: Iterable[tuple[str, str | None]] = ()) -> np.ndarray:
    """The tensor of an official key: float32 of `shape`."""
    mode = next((mode for pattern, mode in rules if re.search(pattern, name)), None)
    kind, _, gain = (mode or default_kind(name, len(shape))).partition("*")
    drawn = np.asarray(random(name).standard_normal(tuple(shape)))
    return np.asarray(KINDS[kind](drawn) * float(gain or 1), dtype=np.float32)


def noise(key: str, seed: int, shape: Sequence[int], dist: str, a: float, b: float) -> np.ndarray:
    """An input: float32 of `shape`, or int64 for `int`."""
    draw, shape = random(f"input:{key}:{seed}"), tuple(shape)
    if dist == "int":
        return draw.integers(int(a), int(b), shape)
    if dist == "normal":
        return np.asarray(a + b * draw.standard_normal(shape), dtype=np.float32)
    if dist == "uniform":
        return np.asarray(a + (b - a) * draw.random(shape), dtype=np.float32)
    if dist == "waves":
        return (a + (b - a) * waves(draw, shape)).astype(np.float32)
    raise ValueError(f"unknown distribution {dist!r}")


def waves(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Smooth pictures in (0, 1): six plane waves a channel and a little noise, through tanh."""
    height, width = shape[-2:]
    planes = math.prod(shape[:-2])
    frequency = draw.uniform(-3, 3, (planes, 6, 2, 1, 1))
    phase = draw.uniform(0, 2 * np.pi, (planes, 6, 1, 1))
    grain = draw.standard_normal((planes, height, width))
    y, x = np.arange(height)[:, None] / height, np.arange(width) / width
    sines = np.sin(2 * np.pi * (frequency[:, :, 0] * y + frequency[:, :, 1] * x) + phase).sum(1)
    return (0.5 + 0.5 * np.tanh(0.5 * sines + 0.05 * grain)).reshape(shape)
