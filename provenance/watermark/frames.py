"""Frames for the reader: the mean luma of short bursts of consecutive frames, spread over the source."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.video.frame import PictureType

from ...core.errors import InputError
from ...core.media import read_image
from ...core.media.source import open_media
from ...core.media.streams import decode, video_stream

BURST = 6  # frames; averaging more loses the mark where the picture moves, fewer costs time
SIDE = 512  # px, short side to which larger pictures are reduced; finest carrier there: 7 px a cycle
ELONGATION = 2.5  # of a picture longer than this only the middle is read
SEEK_BEYOND = 4  # times as many frames as are wanted: then seeking is cheaper than decoding all
WHOLE = 6  # weight of a burst whose first frame was coded whole; found on moving clips at low bit rates

Source = str | os.PathLike[str] | Iterable[np.ndarray]


@dataclass(frozen=True)
class Burst:
    """A few consecutive frames.

    Attributes:
        luma: their mean, float32 (H, W), at the reader's size.
        frames: how many there are.
        weight: how much they count, all together.
        start: time of the first, seconds; NaN where frames have no times.
        end: time of the last.
    """

    luma: np.ndarray
    frames: int
    weight: float
    start: float
    end: float


def bursts(source: Source, most: int) -> Iterator[Burst]:
    """Short runs of consecutive frames, spread over the source.

    At low bit rates nearly all of the mark is in the frames that are coded whole (I frames; the first frame of any
    video): what is predicted from them carries the mark along with what moves. So these begin a burst, and it counts
    more.

    Args:
        source: a video, a picture, or chunks of uint8 RGB frames (T, H, W, 3).
        most: frames to use; a longer file is sampled evenly. Chunks are all used, for their number is unknown.

    Raises:
        InputError: unreadable, empty, too_large, no_video.
    """
    if isinstance(source, str | os.PathLike):
        lumas = _of_file(source, most)
    else:
        lumas = (((0, index), index == 0, math.nan, _luma(frame)) for index, frame in enumerate(_single(source)))
    held: list[np.ndarray] = []
    last, weight, after_whole, start, end = (-1, -1), 1.0, False, 0.0, 0.0
    for place, whole, time, luma in lumas:
        follows = place == (last[0], last[1] + 1)
        fresh = whole and not after_whole  # where every frame is coded whole, none counts more
        if held and (fresh or not follows or len(held) == BURST or luma.shape != held[0].shape):
            yield Burst(_mean(held), len(held), weight * len(held), start, end)
            held = []
        if not held:
            weight, start = WHOLE if fresh else 1.0, time
        held.append(luma)
        last, after_whole, end = place, whole, time
    if held:
        yield Burst(_mean(held), len(held), weight * len(held), start, end)


def _mean(lumas: list[np.ndarray]) -> np.ndarray:
    total = np.zeros(lumas[0].shape, np.float32)
    for luma in lumas:
        cv2.accumulate(luma, total)
    height, width = total.shape
    scale = min(1.0, SIDE / min(height, width))
    if scale < 1:
        total = cv2.resize(total, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        height, width = total.shape
    longest = round(ELONGATION * min(height, width))
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return total[top : top + longest, left : left + longest] / len(lumas)


def _single(chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for chunk in chunks:
        yield from chunk


def _luma(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)


def _of_file(path: str | os.PathLike[str], most: int) -> Iterator[tuple[tuple[int, int], bool, float, np.ndarray]]:
    """((part, frame number), coded whole?, seconds, luma uint8) of a video, or of the one picture of another file."""
    count = 0
    with open_media(path) as container:
        if stream := video_stream(container):
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = min(4, os.cpu_count() or 1)
            for place, frame in _sampled(container, stream, most):
                count += 1
                time = math.nan if frame.time is None else frame.time
                yield place, frame.pict_type == PictureType.I, time, _plane(frame)
    if not stream:
        raise InputError("no_video", f"{path} has no video stream.", "Give a file with moving pictures.")
    if not count:
        yield (0, 0), True, math.nan, _luma(read_image(path))


def _sampled(container: Any, stream: Any, most: int) -> Iterator[tuple[tuple[int, int], Any]]:
    seconds = float((stream.duration or 0) * stream.time_base) or (container.duration or 0) / 1e6
    expected = stream.frames or round(seconds * float(stream.average_rate or 25))
    if expected > SEEK_BEYOND * most and stream.duration:
        yield from _sought(container, stream, most)
        return
    groups, wanted = max(1, -(-expected // BURST)), max(1, most // BURST)
    for index, frame in enumerate(decode(container, stream, [])):
        group = index // BURST
        if group * wanted // groups != (group - 1) * wanted // groups or wanted >= groups:
            yield (0, index), frame


def _sought(container: Any, stream: Any, most: int) -> Iterator[tuple[tuple[int, int], Any]]:
    """Bursts from key frames, which are the sharpest and need nothing decoded before them."""
    number = max(1, most // (2 * BURST))
    last = -1
    for burst in range(number):
        target = (stream.start_time or 0) + stream.duration * burst // number
        container.seek(int(target), stream=stream)
        index = 0
        for frame in decode(container, stream, []):
            if frame.pts is None or frame.pts <= last:
                continue
            yield (burst, index), frame
            last, index = frame.pts, index + 1
            if index == 2 * BURST:
                break


def _plane(frame: Any) -> np.ndarray:
    """Luma uint8 (H, W): the first plane as it is, where there is one."""
    parts = frame.format.components
    if frame.format.is_rgb or parts[0].bits != 8 or not frame.format.is_planar:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
