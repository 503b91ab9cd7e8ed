"""Phones → expression: every class pulls the face toward its look, earlier and later than it sounds.

A linear kernel over ±110 ms, learned from tracked speech, gives the coefficients of the basis; its width is
coarticulation. What a mean over a few minutes of video cannot give is done by rule: lips that meet on p, b and m,
and a mouth that comes to rest when nobody speaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .basis import smoothstep
from .phones import CLOSED, INDEX
from .voice import Heard

REACH = 11  # ticks to each side that the kernel looks at
_LEAD, _STAY = 12, 25  # ticks by which the speaking posture comes before speech and outlasts it
SHARP = 1.5  # exponent on posteriors: a network in doubt between looks would blend them into none


@dataclass(frozen=True)
class Looks:
    """What phones look like.

    Attributes:
        kernel: float32 (2 × REACH + 1, classes, k): coefficients from phones around a tick; silence adds nothing.
        posture: float32 (k,): coefficients of a face about to speak.
    """

    kernel: np.ndarray
    posture: np.ndarray


@dataclass(frozen=True)
class Ticks:
    """A fixed segment of expression at 100 ticks a second.

    Attributes:
        coefficients: float32 (n, k).
        closure: float32 (n,), how far p, b or m shut the lips, 0 to 1.
        activity: float32 (n,), 0 at rest, 1 in speech.
        energy: float32 (n,), loudness against the voice's loudest, 0 to 1.
        last: whether nothing follows.
    """

    coefficients: np.ndarray
    closure: np.ndarray
    activity: np.ndarray
    energy: np.ndarray
    last: bool


def express(looks: Looks, heard: Iterator[Heard]) -> Iterator[Ticks]:
    """Segments of phones → segments of expression of the same lengths."""
    margin = REACH + _LEAD + _STAY
    silence = np.eye(len(INDEX), dtype=np.float32)[INDEX["sil"]]
    phones = np.tile(silence, (margin, 1))
    previous: Heard | None = None
    for segment in _with_end(heard):
        ahead = segment.phones if segment else np.tile(silence, (margin, 1))
        if previous is not None:
            window = np.concatenate([phones, ahead])[: margin * 2 + len(previous.phones)]
            window = np.pad(window, ((0, margin * 2 + len(previous.phones) - len(window)), (0, 0)), mode="edge")
            yield _segment(looks, window, margin, previous, last=segment is None)
        if segment:
            phones = np.concatenate([phones, segment.phones])[-(margin + len(segment.phones)) :]
        previous = segment


def _with_end(heard: Iterator[Heard]) -> Iterator[Heard | None]:
    yield from heard
    yield None


def _segment(looks: Looks, window: np.ndarray, margin: int, heard: Heard, *, last: bool) -> Ticks:
    count = len(heard.phones)
    sharp = window**SHARP
    sharp /= sharp.sum(1, keepdims=True)
    start = margin - REACH
    coefficients = sum(sharp[start + tap : start + tap + count] @ weights for tap, weights in enumerate(looks.kernel))
    speech = 1 - window[:, INDEX["sil"]]
    activity = smoothstep(0.5, 0.8, _blur(_maximum(_blur(speech, 6), _STAY, _LEAD), _LEAD))[:, None]
    shut = window[:, [INDEX[name] for name in CLOSED]].sum(1)
    closure = _blur(_maximum(smoothstep(0.15, 0.4, _blur(shut, 2)), 3), 4)
    inside = slice(margin, margin + count)
    active = activity[inside]
    return Ticks(
        (active * (coefficients + looks.posture)).astype(np.float32),
        (active[:, 0] * closure[inside]).astype(np.float32),
        active[:, 0].astype(np.float32),
        heard.energy,
        last,
    )


def _maximum(x: np.ndarray, past: int, future: int | None = None) -> np.ndarray:
    future = past if future is None else future
    padded = np.pad(x, (past, future), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, past + 1 + future).max(1)


def _blur(x: np.ndarray, reach: int) -> np.ndarray:
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(x, reach, mode="edge"), window / window.sum(), "valid")
