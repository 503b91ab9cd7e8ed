"""What lips do and what is heard, as numbers at one rate: 20 moments a second, sound in four steps a moment."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...core.faces import fit_pose, to_head, topology

FPS = 20.0
RATE, HOP, WINDOW = 16000, 200, 640  # samples: sound at 80 steps a second, each looking at 40 ms
STEPS = round(RATE / FPS / HOP)  # of sound in a moment
BANDS = 24
LIPS = ("gap", "outer gap", "width", "protrusion", "upper lip", "lower lip", "chin", "roundness")
_CHIN, _NOSE_TIP = 152, 1
_FLOOR = 1e-7  # power below which nothing is heard


def lip_shape(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks (478, 3) in pixels → float32 (8,) of `LIPS` in head units, free of the head's pose and size."""
    head = to_head(landmarks, fit_pose(landmarks))
    upper, lower = head[topology.LIPS_UPPER_INNER], head[topology.LIPS_LOWER_INNER]
    outer = head[topology.LIPS_OUTER]
    top, bottom = head[topology.LIPS_UPPER_OUTER], head[topology.LIPS_LOWER_OUTER]
    corners = outer[np.argmin(outer[:, 0])], outer[np.argmax(outer[:, 0])]
    gap = (lower[3:-3, 1] - upper[3:-3, 1]).mean()
    width = corners[1][0] - corners[0][0]
    nose = head[_NOSE_TIP]
    return np.array(
        [
            gap,
            (bottom[3:-3, 1] - top[3:-3, 1]).mean(),
            width,
            outer[:, 2].mean() - (corners[0][2] + corners[1][2]) / 2,
            upper[4:-4, 1].mean() - nose[1],
            lower[4:-4, 1].mean() - nose[1],
            head[_CHIN, 1] - nose[1],
            gap / max(width, 1e-3),
        ],
        np.float32,
    )


def at_moments(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, k) at `times` (n,) s → moments (m,), multiples of 1 / FPS within them, and values there (m, k)."""
    first, last = np.ceil(times[0] * FPS - 1e-6), np.floor(times[-1] * FPS + 1e-6)
    moments = np.arange(first, last + 1) / FPS
    columns = [np.interp(moments, times, column) for column in values.T]
    return moments, np.stack(columns, -1).astype(np.float32)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Sound (n,) at 16 kHz → log energies float32 (n // HOP, BANDS); step i is centred on sample i * HOP."""
    count = len(samples) // HOP
    padded = np.pad(samples.astype(np.float32), (WINDOW // 2, WINDOW))
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(cut * np.hanning(WINDOW).astype(np.float32), axis=-1)) ** 2
    return np.log(power @ _filters() / WINDOW + _FLOOR).astype(np.float32)


@cache
def _filters() -> np.ndarray:
    """Triangles (WINDOW // 2 + 1, BANDS), evenly spaced in mel from 80 to 7,600 Hz, each summing to 1."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (80.0, 7600.0))
    mel = np.linspace(low, high, BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.arange(WINDOW // 2 + 1)[:, None] * RATE / WINDOW
    rise = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0, np.minimum(rise, fall))
    return (triangles / np.maximum(triangles.sum(0), 1e-9)).astype(np.float32)
