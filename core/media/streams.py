"""Streams of an open file: which to take, their clocks, and every frame of them that decodes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

MAX_GAP = 600.0
"""Seconds between neighbouring frames above which a clock is taken for damaged, not for slow."""

_STILLS = Disposition.attached_pic | Disposition.timed_thumbnails  # cover art is not video


def video_stream(container: InputContainer) -> Any | None:
    """The stream that shows moving pictures (PyAV's `VideoStream`), or None: cover art does not count."""
    streams = [s for s in container.streams.video if s.codec_context and not s.disposition & _STILLS]
    best = container.streams.best("video")
    return best if best in streams else next(iter(streams), None)


def audio_stream(container: InputContainer) -> Any | None:
    """The stream to listen to (PyAV's `AudioStream`), or None."""
    streams = [s for s in container.streams.audio if s.codec_context]
    best = container.streams.best("audio")
    return best if best in streams else next(iter(streams), None)


class Clock:
    """Time stamps of one stream as seconds, made whole: none missing, no leap that only damage explains.

    Time 0 is where the file says that the stream `zero` begins, so picture and sound share it. A stream's own first
    frame may come two frames after that and still be at 0: AVI stores when frames are decoded, not when they are shown.

    Attributes:
        end: where the last frame ends.
        leaps: how many leaps were closed.
    """

    def __init__(self, stream: Any, zero: Any, *, sought: bool = False) -> None:
        self._tick = float(stream.time_base)
        begins = 0 if zero.start_time is None and sought else zero.start_time
        self._shift = None if begins is None else -float(begins * zero.time_base)
        self._own = zero is stream and not sought
        self._last = None if sought else 0.0
        self.end, self.leaps = 0.0, 0

    def time(self, frame: Any, length: float) -> float:
        """When `frame` is due; `length` is its duration in seconds."""
        if frame.pts is None:
            time = self.end
        else:
            if self._shift is None or (self._own and 0 < frame.pts * self._tick + self._shift <= 2 * length):
                self._shift = -frame.pts * self._tick
            time = frame.pts * self._tick + self._shift
        self._own = False
        if self._last is not None and not -1 <= time - self._last <= MAX_GAP:
            self._shift = (self._shift or 0.0) + self.end - time
            self.leaps += 1
            time = self.end
        self._last, self.end = time, time + length
        return time


def frame_rate(rate: Any) -> Fraction:
    """Snap to n or n × 1000/1001 where the rate is that but for rounding; 29.97 means 30000/1001."""
    exact = Fraction(rate)
    whole = max(round(exact), 1)
    for standard in (Fraction(whole), Fraction(round(exact * 1001 / 1000) * 1000, 1001)):
        if standard and abs(exact / standard - 1) < Fraction(1, 4000):
            return standard
    return exact.limit_denominator(1001) or exact


def packets(container: InputContainer, stream: Any, problems: list[str]) -> Iterator[Any]:
    """Packets of one stream until the end or the first unreadable byte, which is noted in `problems`."""
    try:
        yield from container.demux(stream)
    except (FFmpegError, OSError) as error:
        problems.append(f"reading stopped early: {error.strerror}")


def decode(container: InputContainer, stream: Any, problems: list[str]) -> Iterator[Any]:
    """Every frame that decodes, in order of presentation; what does not is skipped and noted in `problems`."""
    damaged = 0
    for packet in packets(container, stream, problems):
        try:
            yield from _kept(packet.decode())
        except (FFmpegError, MemoryError):
            damaged += 1
    with suppress(FFmpegError):  # where reading stopped early, the decoder still holds frames
        yield from _kept(stream.codec_context.decode(None))
    if damaged:
        problems.append(f"{damaged} damaged packets skipped")


def channel_layout(owner: Any) -> av.AudioLayout:
    """The layout of an audio frame or codec; never ask for it otherwise.

    PyAV 18 copies a layout by its pointer and frees both copies, so a layout with a channel map of its own ends the
    process. One that is never freed does not. Standard layouts, named without a space, have no map.
    """
    layout = owner.layout
    if " " in layout.name:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return layout


def _kept(frames: list[Any]) -> list[Any]:
    for frame in frames:
        if isinstance(frame, av.AudioFrame):
            channel_layout(frame)
    return frames
