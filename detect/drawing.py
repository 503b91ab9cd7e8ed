"""A timeline as shapes for inline SVG: plain numbers in, path strings and label positions out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 1000.0, 100.0
_BREAK = 0.35  # s without a value: the line stops
_MOST_POINTS = 800


@dataclass(frozen=True)
class Label:
    """Text at a place, in per cent of the chart's width and height."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Paths in a box of 1000 by 100, y down, score 1 at the top; labels in per cent of it."""

    line: str
    band: str
    lines: tuple[Label, ...]
    ticks: tuple[Label, ...]
    moments: tuple[Label, ...]
    summary: str


def chart(
    times: np.ndarray,
    scores: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    thresholds: dict[str, float],
    moments: list[tuple[float, float]],
    *,
    label: Callable[[float], str],
) -> Chart:
    """A timeline of scores (n,) in [0, 1] with their interval.

    Args:
        thresholds: name → score, drawn as lines.
        moments: (seconds, score) to be numbered.
        label: seconds → text of a tick.
    """
    first, last = float(times[0]), float(times[-1])
    length = max(last - first, 1e-3)
    step = -(-len(times) // _MOST_POINTS)
    line, band = [], []
    for piece in np.split(np.arange(len(times)), np.nonzero(np.diff(times) > _BREAK)[0] + 1):
        chosen = piece[::step]
        x = (times[chosen] - first) / length * WIDTH
        middle, lower, upper = (HEIGHT * (1 - values[chosen]) for values in (scores, low, high))
        line.append(_path(x, middle))
        band.append(_path(np.concatenate([x, x[::-1]]), np.concatenate([upper, lower[::-1]])) + "Z")
    ticks = [first + length * share for share in (0, 0.25, 0.5, 0.75, 1)]
    peak = max(moments, key=lambda moment: moment[1])
    return Chart(
        line="".join(line),
        band="".join(band),
        lines=tuple(Label(0, 100 * (1 - score), name) for name, score in thresholds.items()),
        ticks=tuple(Label(100 * (when - first) / length, 0, label(when)) for when in ticks),
        moments=tuple(
            Label(100 * (when - first) / length, 100 * (1 - score), str(number))
            for number, (when, score) in enumerate(moments, 1)
        ),
        summary=f"Scores from {label(first)} to {label(last)}: lowest {scores.min():.2f}, mean {scores.mean():.2f}, "
        f"highest {peak[1]:.2f} at {label(peak[0])}.",
    )


def _path(x: np.ndarray, y: np.ndarray) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
