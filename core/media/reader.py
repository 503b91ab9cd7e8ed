"""Video as chunks of RGB frames at a constant rate."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from av.error import FFmpegError

from ..errors import InputError, UsageError
from .color import ToRgb
from .info import probe
from .source import Source, open_media, unreadable
from .streams import MAX_GAP, Clock, decode, frame_rate, video_stream

_SEEKABLE = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}  # containers whose index and time stamps can be trusted
_PREROLL = 2.0  # seconds decoded before the start, so that a late keyframe or a leading frame is no matter
_MAX_CHUNK_BYTES = 1 << 28


class VideoReader:
    """An iterable of `(T, H, W, 3)` uint8 RGB chunks; each pass opens the file anew, and memory does not grow.

    Time 0 is where the video stream begins, as for `AudioReader`. Frame k shows what a player shows at
    `start + k / fps`: the latest picture whose time stamp has come, so frames are repeated or dropped, and picture and
    sound stay together. A time stamp may come late by 0.4 of the shorter frame period, which absorbs the rounding and
    jitter of real files.

    Args:
        source: path of a file; see `probe` for the errors.
        fps: frames per second to deliver; None for the file's own.
        chunk: frames in a chunk. The last chunk is shorter, and so are all when a chunk would exceed 256 MiB.
        start: seconds to skip.
        seconds: length to deliver; None for all. The number of frames is `seconds * fps`, rounded.

    Attributes:
        info: what `probe` said.
        fps: Fraction.
        width, height: of the frames.
        warnings: what was wrong with the file in the last pass; empty for a sound one.

    Raises:
        InputError: unreadable, empty, too_large, no_video; on iteration too_short (nothing at `start`), unreadable.
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        source: Source,
        *,
        fps: Fraction | float | None = None,
        chunk: int = 32,
        start: float = 0.0,
        seconds: float | None = None,
    ) -> None:
        if chunk < 1 or not 0 <= start < math.inf or (fps is not None and not 0 < fps <= 1000):
            raise UsageError("usage", f"chunk={chunk}, start={start}, fps={fps}: out of range.")
        if seconds is not None and not 0 < seconds < math.inf:
            raise UsageError("usage", f"seconds={seconds}: must be above 0.")
        self.source = source
        self.info = probe(source)
        if self.info.video is None:
            raise InputError("no_video", f"{source} has no video stream.", "Give a file with moving pictures.")
        self.video = self.info.video
        self.fps = frame_rate(fps) if fps is not None else self.video.fps
        self.width, self.height = self.video.width, self.video.height
        self.chunk = max(1, min(chunk, _MAX_CHUNK_BYTES // (self.width * self.height * 3)))
        self.start, self.seconds = start, seconds
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        to_rgb = ToRgb(self.width, self.height, self.video.rotation, self.video.mirrored)
        shape = (self.chunk, self.height, self.width, 3)
        block, filled = np.empty(shape, np.uint8), 0
        for frame, times in self._selected():
            for _ in range(times):
                if filled == self.chunk:
                    yield block
                    block, filled = np.empty(shape, np.uint8), 0  # a new one: the caller may keep what it got
                try:
                    to_rgb.into(frame, block[filled])
                except FFmpegError as error:  # a pixel format that swscale does not know
                    raise unreadable(self.source) from error
                filled += 1
        yield block[:filled]

    def _selected(self) -> Iterator[tuple[Any, int]]:
        """Source frames, each with the number of output frames that show it."""
        period = 1 / self.video.fps
        early = 0.4 * min(period, 1 / self.fps)
        wanted = sys.maxsize if self.seconds is None else max(1, math.floor(self.seconds * self.fps + 0.5))
        shown, held = 0, None
        for time, frame in self._from_start():
            due = min(wanted, math.ceil((time - self.start - early) * self.fps))
            if held is not None and due > shown:
                yield held, due - shown
                shown = due
            if shown >= wanted:
                return
            held = frame
        if not shown:
            message = f"{self.source} has no picture {self.start:g} s after its beginning."
            raise InputError("too_short", message, f"It lasts {self.info.seconds:.2f} s.")

    def _from_start(self) -> Iterator[tuple[float, Any]]:
        """Frames from `start` or somewhat earlier on, sought where that is exact."""
        self.warnings = []
        if self.start > _PREROLL and self.info.container in _SEEKABLE:
            frames = self._timed(seek=True)
            first = next(frames, None)
            if first and first[1] and first[0] <= self.start:
                yield first
                yield from frames
                return
            frames.close()
            self.warnings = []
        yield from self._timed(seek=False)

    def _timed(self, *, seek: bool) -> Generator[tuple[float, Any], None, None]:
        """(seconds, frame) with rising times, then (end, None)."""
        with open_media(self.source) as container:
            if (stream := video_stream(container)) is None:  # the file changed after `probe`
                raise unreadable(self.source)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = min(4, os.cpu_count() or 1)  # every thread holds frames
            if seek:
                try:
                    target = (self.start - _PREROLL) / stream.time_base + (stream.start_time or 0)
                    container.seek(int(target), stream=stream)
                except (FFmpegError, OverflowError):
                    return
            clock = Clock(stream, stream, sought=seek)
            period, last = float(1 / self.video.fps), -math.inf
            for frame in decode(container, stream, self.warnings):
                length = float(frame.duration * stream.time_base)
                time = clock.time(frame, length if 0 < length <= MAX_GAP else period)
                if time > last:  # of two pictures at one time the first is shown
                    yield time, frame
                    last = time
            yield clock.end, None
            if clock.leaps:
                self.warnings.append(f"{clock.leaps} leaps of the clock closed")
            declared = float((stream.duration or 0) * stream.time_base)
            if clock.end < declared - 3 * period:
                self.warnings.append(f"ended early: {clock.end:.2f} of {declared:.2f} s")
