"""Decoded sound to one line of mono samples: formats, channels, holes, rates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from av import AudioFrame, AudioResampler

from .streams import Clock, channel_layout

RATES = range(1000, 768_001)
"""Samples per second that a file may declare."""

_JITTER = 0.04
"""Seconds by which a sound's time stamps may stray from its sample count before silence is put in or samples cut."""

# Dialogue stands in the centre of film sound; what rumbles carries none. Everything else counts as surround.
_GAIN = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}


def placed(frames: Iterator[Any], clock: Clock, *, sought: bool) -> Iterator[tuple[int, int, np.ndarray]]:
    """(rate, index, samples); index counts samples since time 0, neighbours join, silence fills holes."""
    rate, index, tolerance = 0, None if sought else 0, 0.0
    for frame in frames:
        if frame.sample_rate not in RATES:
            continue
        samples = mono(frame)
        if frame.sample_rate != rate:
            index = round(index / rate * frame.sample_rate) if index and rate else index
            rate = frame.sample_rate
        due = round(clock.time(frame, len(samples) / rate) * rate)
        index = due if index is None else index
        if abs(due - index) > tolerance:
            while due > index:
                silence = np.zeros(min(due - index, rate), np.float32)
                yield rate, index, silence
                index += len(silence)
            samples = samples[index - due :]
        if len(samples):
            yield rate, index, samples
            index += len(samples)
            tolerance = _JITTER * rate


def mono(frame: Any) -> np.ndarray:
    """One decoded frame as float32 (n,), whatever its sample format and channels."""
    layout = channel_layout(frame)
    channels = layout.nb_channels
    if not channels or not frame.samples:
        return np.empty(0, np.float32)
    if frame.format.name.startswith("s64"):  # the one format that PyAV does not hand to numpy
        count = frame.samples * (1 if frame.format.is_planar else channels)
        samples = np.stack([np.frombuffer(plane, np.int64, count) for plane in frame.planes])
    else:
        samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    if samples.dtype == np.uint8:
        samples = samples.astype(np.float32) / 128 - 1
    elif np.issubdtype(samples.dtype, np.integer):
        samples = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    else:
        samples = np.clip(samples.astype(np.float32), -1, 1)
        if np.isnan(samples.sum()):
            samples = np.nan_to_num(samples)
    if channels <= 2:
        return samples[0] if channels == 1 else (samples[0] + samples[1]) / 2
    weights = np.array([_GAIN.get(channel.name, 0.5) for channel in layout.channels], np.float32)
    weights = weights / weights.sum() if weights.any() else np.full(channels, 1 / channels, np.float32)
    return weights @ samples


class Resampler:
    """Mono float32 from one rate to another, without delay."""

    def __init__(self, rate: int, target: int) -> None:
        self.rate = rate
        self._swr = AudioResampler(format="flt", layout="mono", rate=target) if rate != target else None

    def feed(self, samples: np.ndarray) -> list[np.ndarray]:
        if self._swr is None or not len(samples):
            return [samples]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="flt", layout="mono")
        frame.sample_rate = self.rate
        return [out.to_ndarray()[0] for out in self._swr.resample(frame)]

    def flush(self) -> list[np.ndarray]:
        return [out.to_ndarray()[0] for out in self._swr.resample(None)] if self._swr else []
