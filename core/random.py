"""Randomness by position: the same seed gives the same numbers whatever the chunk, batch or worker."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *position: int | str) -> np.random.Generator:
    """A generator that depends on nothing but `seed` and `position` (names and integers, in order)."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in position]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))
