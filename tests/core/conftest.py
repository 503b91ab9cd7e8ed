"""Makers of media files that real recorders produce and our writer does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

CELL = 16  # pixels of one bit of a frame's number: large enough to survive any codec


class Clips:
    """Writes clips with frames that carry their number."""

    @staticmethod
    def numbered(count: int, *, width: int = 128, height: int = 96, first: int = 0) -> np.ndarray:
        """(T, H, W, 3): the top row of cells spells the frame's number in bits over a soft background."""
        frames = np.empty((count, height, width, 3), np.uint8)
        frames[:] = np.linspace(60, 180, width, dtype=np.uint8)[:, None]
        for index in range(count):
            for bit in range(width // CELL):
                frames[index, :CELL, bit * CELL : (bit + 1) * CELL] = 255 * ((first + index) >> bit & 1)
        return frames

    @staticmethod
    def numbers(chunks) -> list[int]:
        """The numbers of frames that `numbered` made."""
        return [
            sum(int(frame[4 : CELL - 4, bit * CELL + 4 : (bit + 1) * CELL - 4].mean() > 128) << bit for bit in range(8))
            for chunk in chunks
            for frame in chunk
        ]

    @staticmethod
    def write(
        path: Path,
        frames: np.ndarray | None = None,
        *,
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        fps: Fraction | int = 25,
        ticks: Sequence[int] | None = None,
        tick: Fraction | None = None,
        options: dict[str, str] | None = None,
        prepare: Callable | None = None,
        convert: dict | None = None,
        array_format: str = "rgb24",
        sound: np.ndarray | None = None,
        sound_rate: int = 48000,
        sound_codec: str = "aac",
        sound_format: str = "fltp",
        sound_layout: str = "mono",
        sound_start: float = 0.0,
    ) -> Path:
        """One clip; `sound` is (channels, n) in the planar or (1, n × channels) in the packed `sound_format`."""
        with av.open(str(path), "w") as container:
            video = audio = None
            if frames is not None:
                video = container.add_stream(codec, rate=fps, options=options or {})
                video.height, video.width = frames.shape[1:3]
                video.pix_fmt = pix_fmt
                if tick:
                    video.codec_context.time_base = video.time_base = tick
                if prepare:
                    prepare(video)
            if sound is not None:
                audio = container.add_stream(sound_codec, rate=sound_rate, layout=sound_layout)
                audio.format = sound_format
            if audio:
                frame = av.AudioFrame.from_ndarray(sound, format=sound_format, layout=sound_layout)
                frame.sample_rate, frame.pts = sound_rate, round(sound_start * sound_rate)
                frame.time_base = Fraction(1, sound_rate)
                container.mux(audio.encode(frame))
                container.mux(audio.encode(None))
            for index, array in enumerate(() if frames is None else frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), array_format)
                frame = frame.reformat(format=pix_fmt, **(convert or {}))
                frame.pts = ticks[index] if ticks else index
                frame.time_base = tick or 1 / Fraction(fps)
                container.mux(video.encode(frame))
            if video:
                container.mux(video.encode(None))
        return path


@pytest.fixture(scope="session")
def clips() -> Clips:
    return Clips()
