"""The one encoder: H.264 and AAC in an MP4 file, in chunks, the same bytes for the same input."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from ..errors import FacewrightError, InputError, MachineError, UsageError
from .streams import frame_rate

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_BITS = 160_000
_THREADS = 3
"""x264 gives the same bytes for the same number of threads, so the number is fixed; three keep two cores busy."""

_DOWN = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def _movflags(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """The index at the front; tags under their own names (`mdta`), as MP4 would drop those that it does not know."""
    return {"movflags": "+faststart+use_metadata_tags" if metadata else "+faststart"}


class VideoWriter:
    """Writes frames and sound to an MP4 file; a context manager.

    Video is H.264, 4:2:0, 8 bit, converted to and tagged as BT.709 limited range; sound is AAC, mono; the index stands
    at the front of the file. The bytes depend on the frames and samples, not on how they are chunked, as long as
    picture and sound advance together (within ten seconds). `write` and `write_audio` may be called from different
    threads. An exception inside the block, or a failure to write, removes the file.

    Args:
        path: target; an existing file is replaced.
        width, height: even, in pixels.
        fps: constant frame rate.
        audio_rate: samples per second of what `write_audio` gets; None for a silent film.
        crf: x264's constant rate factor: 0 lossless, 18 visually so, 51 worst.
        preset: x264's preset.
        metadata: tags, of any name.
        options: further options of the encoder, by FFmpeg's names.

    Raises:
        UsageError: odd size, wrong shape or type of frames or samples, an option out of range, no such folder.
        InputError: empty (closed without a frame).
        MachineError: disk_full, read_only, write_failed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        width: int,
        height: int,
        fps: Fraction | float,
        audio_rate: int | None = None,
        crf: float = 18,
        preset: str = "veryfast",
        metadata: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        if width < 2 or height < 2 or width % 2 or height % 2:
            raise UsageError("usage", f"H.264 in 4:2:0 cannot hold {width} × {height} pixels.", "Use even numbers.")
        if not 0 < fps <= 1000 or not 0 <= crf <= 51 or (audio_rate is not None and audio_rate < 1):
            raise UsageError("usage", f"fps={fps}, crf={crf}, audio_rate={audio_rate}: out of range.")
        if "\0" in os.fspath(path):
            raise UsageError("usage", f"{os.fspath(path)!r} holds a null character.", "Name another file.")
        self.path = Path(os.path.abspath(path))  # absolute, so that FFmpeg cannot take a colon for a protocol
        self.width, self.height, self.fps, self.audio_rate = width, height, frame_rate(fps), audio_rate
        self.frames = self.samples = 0
        self._lock = threading.Lock()
        self._reformatter = VideoReformatter()
        self._container: Any = None
        self._ours = False  # until the file is open, what stands at `path` is someone else's
        try:
            self._container = av.open(str(self.path), "w", format="mp4", container_options=_movflags(metadata))
            self._container.metadata.update(metadata or {})
            self._video = self._add_video({"crf": str(crf), "preset": preset, **(options or {})})
            self._audio = self._add_audio(audio_rate) if audio_rate else None
            self.path.open("wb").close()
            self._ours = True
            self._container.start_encoding()
        except (FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _add_video(self, options: dict[str, str]) -> Any:
        stream: Any = self._container.add_stream("libx264", rate=self.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / self.fps
        stream.codec_context.thread_type, stream.codec_context.thread_count = "FRAME", _THREADS
        stream.colorspace, stream.color_range = Colorspace.ITU709, ColorRange.MPEG
        stream.color_primaries, stream.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        stream.codec_context.open()
        if unknown := stream.codec_context.options:
            raise UsageError("usage", f"x264 has no option {', '.join(unknown)}.", "See `ffmpeg -h encoder=libx264`.")
        return stream

    def _add_audio(self, rate: int) -> Any:
        return self._container.add_stream(
            "aac", rate=rate if rate in _AAC_RATES else 48000, layout="mono", bit_rate=_AAC_BITS
        )

    def write(self, frames: np.ndarray) -> None:
        """Append `frames`, uint8 RGB (T, height, width, 3)."""
        if frames.dtype != np.uint8 or frames.shape[1:] != (self.height, self.width, 3):
            wanted = f"uint8 (T, {self.height}, {self.width}, 3)"
            raise UsageError("usage", f"Frames are {frames.dtype} {frames.shape}, not {wanted}.")
        with self._lock:
            for frame in frames:
                rgb = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(frame), "rgb24")
                yuv = self._reformatter.reformat(
                    rgb,
                    format="yuv420p",
                    dst_colorspace=Colorspace.ITU709,
                    dst_color_range=ColorRange.MPEG,
                    interpolation=_DOWN,
                    threads=1,
                )
                yuv.pts, yuv.time_base = self.frames, 1 / self.fps
                self.frames += 1
                self._encode(self._video, yuv)

    def write_audio(self, samples: np.ndarray) -> None:
        """Append `samples`, mono float32 (n,) in [-1, 1]."""
        if self._audio is None or samples.dtype != np.float32 or samples.ndim != 1:
            wanted = "float32 (n,)" if self._audio else "none: no audio_rate was given"
            raise UsageError("usage", f"Samples are {samples.dtype} {samples.shape}, not {wanted}.")
        if not len(samples):
            return
        with self._lock:
            frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = self.audio_rate, Fraction(1, self.audio_rate)
            frame.pts = self.samples
            self.samples += len(samples)
            self._encode(self._audio, frame)

    def _encode(self, stream: Any, frame: Any) -> None:
        if self._container is None:
            raise UsageError("usage", f"{self.path} is closed already.")
        try:
            self._container.mux(stream.encode(frame))
        except (FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Finish the file and wait until the disk has it."""
        if self._container is None:
            return
        if not self.frames:
            self.discard()
            raise InputError("empty", f"Not one frame was made for {self.path}.", "Nothing was written.")
        try:
            for stream in filter(None, (self._video, self._audio)):
                self._encode(stream, None)
            self._container.close()
            self._container = None
            with open(self.path, "rb") as file:
                os.fsync(file.fileno())
        except (FFmpegError, OSError) as error:
            raise self._failed(error) from error
        except BaseException:  # interrupted while it finished
            self.discard()
            raise

    def discard(self) -> None:
        """Stop and leave no file."""
        container, self._container = self._container, None
        if self._ours:  # not what stood there before and could not be opened
            self.path.unlink(missing_ok=True)
        if container is not None:
            with suppress(FFmpegError, OSError):
                container.close()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close() if kind is None else self.discard()

    def _failed(self, error: FFmpegError | OSError) -> FacewrightError:
        """Remove the file and say what went wrong in the words of the error tree."""
        self.discard()
        reason = f"{self.path} cannot be written: {error.strerror}."
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
                return MachineError("disk_full", reason, "Free some space or write elsewhere.")
            case errno.EROFS | errno.EACCES | errno.EPERM:
                return MachineError("read_only", reason, "Write to a folder of your own.")
            case errno.ENOENT | errno.ENOTDIR | errno.EISDIR | errno.EINVAL | errno.ENAMETOOLONG:
                return UsageError("usage", reason, "Check the name, the folder and the encoder's options.")
        return MachineError("write_failed", reason)
