"""Learning-rate schedules: functions (step, steps) → factor of an optimiser's own rate."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]


def constant(warmup: int = 0) -> Schedule:
    """1, after a linear rise over `warmup` steps."""
    return lambda step, steps: min((step + 1) / (warmup + 1), 1.0)


def linear(warmup: int = 0, floor: float = 0.0) -> Schedule:
    """A straight fall from 1 to `floor` at the last step, after a linear rise over `warmup` steps."""
    rise = constant(warmup)
    return lambda step, steps: rise(step, steps) * (1 - (1 - floor) * _share(step, steps, warmup))


def cosine(warmup: int = 0, floor: float = 0.0) -> Schedule:
    """Half a cosine from 1 to `floor` at the last step, after a linear rise over `warmup` steps."""
    rise = constant(warmup)

    def factor(step: int, steps: int) -> float:
        fall = 0.5 + 0.5 * math.cos(math.pi * _share(step, steps, warmup))
        return rise(step, steps) * (floor + (1 - floor) * fall)

    return factor


def _share(step: int, steps: int, warmup: int) -> float:
    """How much of the way after the warm-up is behind: 0 to 1."""
    return min(max((step - warmup) / max(steps - 1 - warmup, 1), 0.0), 1.0)
