"""Sound as chunks of mono float32 samples at a named rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from av import AudioFrame, AudioResampler

from ..errors import InputError, UsageError
from .info import probe
from .source import Clock, Source, audio_stream, channel_layout, decode, open_media, video_stream

_JITTER = 0.04
"""Seconds by which a sound's time stamps may stray from its sample count before silence is put in or samples cut."""

_PREROLL = 1.0  # seconds decoded before the start: decoders need some frames, the resampler some milliseconds
_SEEKABLE = {"mov,mp4,m4a,3gp,3g2,mj2", "wav"}  # containers that count samples, so that a seek lands on an exact one
_RATES = range(1000, 768_001)

# Dialogue stands in the centre of film sound; what rumbles carries none. Everything else counts as surround.
_GAIN = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}


class AudioReader:
    """An iterable of float32 mono chunks `(n,)` in [-1, 1]; each pass opens the file anew, and memory does not grow.

    Time 0 is where the video begins if the file has one (sound that begins late starts with silence, what came earlier
    is cut), else where the sound begins. The samples do not depend on `chunk`. Encoder delay is removed as far as the
    file declares it. Channels are mixed with a weight of 1 for a centre, 0.71 for left and right, 0.5 for the rest.

    Args:
        source: path of a media file; see `probe` for the errors.
        rate: samples per second to deliver.
        chunk: samples in a chunk; the last is shorter.
        start: seconds to skip.
        seconds: length to deliver; None for all.

    Attributes:
        info: what `probe` said.
        warnings: what was wrong with the file in the last pass; empty for a sound one.

    Raises:
        InputError: unreadable, too_large, no_audio; on iteration empty (no samples), too_short (nothing at `start`).
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        source: Source,
        *,
        rate: int = 16000,
        chunk: int = 16000,
        start: float = 0.0,
        seconds: float | None = None,
    ) -> None:
        if rate not in _RATES or chunk < 1 or not 0 <= start < math.inf:
            raise UsageError("usage", f"rate={rate}, chunk={chunk}, start={start}: out of range.")
        if seconds is not None and not 0 < seconds < math.inf:
            raise UsageError("usage", f"seconds={seconds}: must be above 0.")
        self.source, self.rate, self.chunk, self.start, self.seconds = source, rate, chunk, start, seconds
        self.info = probe(source)
        if self.info.audio is None:
            raise InputError("no_audio", f"{source} has no sound.", "Give a file with a sound track.")
        if self.info.audio.rate not in _RATES:
            raise InputError("unreadable", f"{source} declares {self.info.audio.rate} samples per second.")
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        block, filled = np.empty(self.chunk, np.float32), 0
        for samples in self._windowed():
            while len(samples):
                n = min(len(samples), self.chunk - filled)
                np.clip(samples[:n], -1, 1, out=block[filled : filled + n])
                samples, filled = samples[n:], filled + n
                if filled == self.chunk:
                    yield block
                    block, filled = np.empty(self.chunk, np.float32), 0
        if filled:
            yield block[:filled]

    def _windowed(self) -> Iterator[np.ndarray]:
        """Samples from `start` on, `seconds` long."""
        first = round(self.start * self.rate)
        last = math.inf if self.seconds is None else first + max(1, round(self.seconds * self.rate))
        empty = True
        for position, samples in self._from_start():
            end = position + len(samples)
            empty = empty and not len(samples)
            if end > first:
                yield samples[max(first - position, 0) : int(min(last, end)) - position]
            if end >= last:
                return
        if empty:
            raise InputError("empty", f"{self.source} has a sound track without a sample.", "Record it again.")
        if end <= first:
            raise InputError("too_short", f"{self.source} has no sound {self.start:g} s after its beginning.")

    def _from_start(self) -> Iterator[tuple[int, np.ndarray]]:
        """(position, samples) from `start` or somewhat earlier on, sought where that is exact."""
        self.warnings = []
        if self.start > 10 and self.info.container in _SEEKABLE:  # decoding ten seconds takes milliseconds
            blocks = self._resampled(seek=True)
            first = next(blocks, None)
            if first and first[0] <= self.start * self.rate:
                yield first
                yield from blocks
                return
            self.warnings = []
        yield from self._resampled(seek=False)

    def _resampled(self, *, seek: bool) -> Iterator[tuple[int, np.ndarray]]:
        """(position, samples) without holes; position counts output samples since time 0."""
        with open_media(self.source) as container:
            stream: Any = audio_stream(container)
            clock = Clock(stream, video_stream(container) or stream, sought=seek)
            if seek:
                target = (self.start - _PREROLL) / stream.time_base + (stream.start_time or 0)
                container.seek(int(target), stream=stream)
            resampler, position = None, 0
            for rate, index, samples in _placed(decode(container, stream, self.warnings), clock, sought=seek):
                blocks = []
                if resampler is None and seek:
                    skip = -index % (rate // math.gcd(rate, self.rate))  # to where input and output samples coincide
                    samples, position = samples[skip:], (index + skip) * self.rate // rate
                if resampler is None or resampler.rate != rate:
                    blocks, resampler = resampler.flush() if resampler else [], _Resampler(rate, self.rate)
                for block in (*blocks, *resampler.feed(samples)):
                    yield position, block
                    position += len(block)
            for block in resampler.flush() if resampler else ():
                yield position, block
                position += len(block)
            if clock.leaps:
                self.warnings.append(f"{clock.leaps} leaps of the clock closed")


def read_audio(source: Source, *, rate: int = 16000, seconds: float | None = None) -> np.ndarray:
    """All the sound, or the first `seconds`, as one float32 array `(n,)`; see `AudioReader`."""
    return np.concatenate(list(AudioReader(source, rate=rate, chunk=1 << 20, seconds=seconds)))


def _placed(frames: Iterator[Any], clock: Clock, *, sought: bool) -> Iterator[tuple[int, int, np.ndarray]]:
    """(rate, index, samples); index counts samples since time 0, neighbours join, silence fills holes."""
    rate, index, tolerance = 0, None if sought else 0, 0.0
    for frame in frames:
        samples = _mono(frame)
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


def _mono(frame: Any) -> np.ndarray:
    """One decoded frame as float32 (n,), whatever its sample format and channels."""
    names = [channel.name for channel in channel_layout(frame).channels]
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, len(names)).T
    if samples.dtype == np.uint8:
        samples = samples.astype(np.float32) / 128 - 1
    elif np.issubdtype(samples.dtype, np.integer):
        samples = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    else:
        samples = np.clip(np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0), -1, 1)
    if len(names) == 1:
        return samples[0]
    weights = np.array([_GAIN.get(name, 0.5) for name in names], np.float32)
    weights = weights / weights.sum() if weights.any() else np.full(len(names), 1 / len(names), np.float32)
    return weights @ samples


class _Resampler:
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
