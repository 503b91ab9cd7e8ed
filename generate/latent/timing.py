"""Motion codes at another frame rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import floor

import numpy as np


def resampled(blocks: Iterable[np.ndarray], source_fps: float, fps: float) -> Iterator[np.ndarray]:
    """Rows (n, d) at `fps` frames per second from blocks of rows at `source_fps`, linear between neighbours.

    Row k lies at the time k / fps; there are as many as the blocks last, rounded, and the last one is held. Where a
    block ends depends on the blocks alone.
    """
    if fps == source_fps:
        yield from blocks
        return
    step = source_fps / fps
    held: np.ndarray | None = None
    first = made = 0  # index of held[0], and of the next row to make
    for block in blocks:
        held = block if held is None else np.concatenate([held, block])
        ready = floor((first + len(held) - 2) / step) + 1  # rows that lie between two that are held
        if ready > made:
            yield _between(held, np.arange(made, ready) * step - first)
            made = ready
            keep = max(floor(made * step) - first, 0)
            held, first = held[keep:], first + keep
    if held is not None and (rest := round((first + len(held)) / step)) > made:
        yield _between(held, np.arange(made, rest) * step - first)


def _between(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    low = np.minimum(np.floor(places).astype(int), len(rows) - 1)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (places - np.floor(places))[:, None].astype(rows.dtype)
    return rows[low] * (1 - share) + rows[high] * share
