"""The error-correcting code of the mark: a tail-biting convolutional code, decoded from soft values.

Rate 1/4, constraint length 13, the maximum free distance polynomials of Larsen (1973); the decoder is the wrap-around
Viterbi algorithm of Shao, Lin and Fossorier (2003), one vector operation per bit over all 4096 states. Tail-biting
spends no bits on ending the trellis, which matters for a block of 80 bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

MEMORY = 12
POLYNOMIALS = (0o11145, 0o12477, 0o15573, 0o16727)
RATE = len(POLYNOMIALS)


@lru_cache(maxsize=1)
def _branches() -> np.ndarray:
    """Signs that leave each register content, float32 (2 ** (MEMORY + 1), RATE): +1 for coded bit 0, -1 for 1."""
    register = np.arange(2 << MEMORY)[:, None] & np.array(POLYNOMIALS)
    for half in (8, 4, 2, 1):  # parity by folding
        register = register ^ (register >> half)
    return (1 - 2 * (register & 1)).astype(np.float32)


def encode(bits: np.ndarray) -> np.ndarray:
    """Signs (n * RATE,) in {-1, +1} of the code word of n bits; n > MEMORY."""
    register = sum(np.roll(bits, delay).astype(np.int64) << delay for delay in range(MEMORY + 1))
    return _branches()[register].ravel()


def decode(soft: np.ndarray, *, passes: int = 3, candidates: int = 8) -> np.ndarray:
    """The most likely messages, best first.

    Args:
        soft: float (n * RATE,), received value of every coded sign; the larger, the surer.
        passes: turns around the circular trellis; the last one is read.
        candidates: how many messages to return at most.

    Returns:
        bits uint8 (m, n), 1 <= m <= candidates.
    """
    soft = np.ascontiguousarray(soft, np.float32).reshape(-1, RATE)
    # A register is (oldest bit, state without it, newest bit): axis 0 chooses between the two states that merge.
    gains = (_branches() @ soft.T).T.reshape(len(soft), 2, -1)
    start = np.zeros(1 << MEMORY, np.float32)
    chosen = np.empty((len(soft), 1 << MEMORY), bool)
    metric = start
    for _ in range(passes):
        start = metric = metric - metric.max()
        for step, gain in enumerate(gains):
            merged = np.repeat(metric.reshape(2, -1), 2, axis=1) + gain
            chosen[step] = merged[1] > merged[0]
            metric = merged.max(axis=0)
    ends = np.arange(1 << MEMORY)
    state, bits = ends, np.empty((len(soft), 1 << MEMORY), np.uint8)
    for step in range(len(soft) - 1, -1, -1):
        bits[step] = state & 1
        state = (state >> 1) | (chosen[step, state].astype(np.int64) << (MEMORY - 1))
    score = metric - start[state] - 1e6 * (state != ends)  # paths that do not bite their tail come last
    return bits[:, np.argsort(-score)[:candidates]].T
