"""Sound as chunks of mono float32 samples at a named rate."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from av.error import FFmpegError

from ..errors import InputError, UsageError
from .info import probe
from .samples import RATES, Resampler, placed
from .source import Source, open_media, unreadable
from .streams import Clock, audio_stream, decode, video_stream

_PREROLL = 1.0  # seconds decoded before the start: decoders need some frames, the resampler some milliseconds
_SEEKABLE = {"mov,mp4,m4a,3gp,3g2,mj2", "wav"}  # containers that count samples, so that a seek lands on an exact one


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
        if rate not in RATES or chunk < 1 or not 0 <= start < math.inf:
            raise UsageError("usage", f"rate={rate}, chunk={chunk}, start={start}: out of range.")
        if seconds is not None and not 0 < seconds < math.inf:
            raise UsageError("usage", f"seconds={seconds}: must be above 0.")
        self.source, self.rate, self.chunk, self.start, self.seconds = source, rate, chunk, start, seconds
        self.info = probe(source)
        if self.info.audio is None:
            raise InputError("no_audio", f"{source} has no sound.", "Give a file with a sound track.")
        if self.info.audio.rate not in RATES:
            raise InputError(
                "unreadable", f"{source} declares {self.info.audio.rate} samples per second.", "Resample it."
            )
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
            if (stream := audio_stream(container)) is None:  # the file changed after `probe`
                raise unreadable(self.source)
            clock = Clock(stream, video_stream(container) or stream, sought=seek)
            if seek:
                try:
                    target = (self.start - _PREROLL) / stream.time_base + (stream.start_time or 0)
                    container.seek(int(target), stream=stream)
                except (FFmpegError, OverflowError):
                    return
            resampler, position = None, 0
            for rate, index, samples in placed(decode(container, stream, self.warnings), clock, sought=seek):
                blocks = []
                if resampler is None and seek:
                    skip = -index % (rate // math.gcd(rate, self.rate))  # to where input and output samples coincide
                    samples, position = samples[skip:], (index + skip) * self.rate // rate
                if resampler is None or resampler.rate != rate:
                    blocks, resampler = resampler.flush() if resampler else [], Resampler(rate, self.rate)
                for block in (*blocks, *resampler.feed(samples)):
                    yield position, block
                    position += len(block)
            for block in resampler.flush() if resampler else ():
                yield position, block
                position += len(block)
            if clock.leaps:
                self.warnings.append(f"{clock.leaps} leaps of the clock closed")


def read_audio(source: Source, *, rate: int = 16000, start: float = 0.0, seconds: float | None = None) -> np.ndarray:
    """All the sound, or `seconds` of it from `start` on, as one float32 array `(n,)`; see `AudioReader`."""
    return np.concatenate(list(AudioReader(source, rate=rate, chunk=1 << 20, start=start, seconds=seconds)))
