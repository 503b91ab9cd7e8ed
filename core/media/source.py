"""Opening a file that may be hostile.

FFmpeg sees neither a name nor a path: it reads one open file through callbacks and may open nothing else, so that a
playlist, an external reference or a crafted name reaches neither the network nor another file.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError

from ..errors import InputError

Source = str | os.PathLike[str]

MAX_PIXELS = 80_000_000
"""Largest picture accepted: above 8192 × 8192 pixels, below what a decompression bomb unfolds to."""

_LIMIT = {"max_pixels": str(MAX_PIXELS)}
_TEXT_ART = {"adf", "bin", "idf", "tty", "xbin"}  # FFmpeg draws text as video
_NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)  # opening a pipe that nobody writes to would wait for ever


def open_file(source: Source) -> FileIO:
    """Open a regular file for reading.

    Raises:
        InputError: unreadable (missing, forbidden, a folder, a pipe, a socket, a device), empty.
    """
    try:
        file = FileIO(os.fspath(source), opener=lambda path, flags: os.open(path, flags | _NON_BLOCKING))
        status = os.fstat(file.fileno())
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError("unreadable", f"{source} cannot be opened: {reason}.", "Check the path.") from error
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise InputError("unreadable", f"{source} is not a regular file.", "Save the stream to a file first.")
    if status.st_size == 0:
        file.close()
        raise InputError("empty", f"{source} is empty (0 bytes).", "Copy or record it again.")
    return file


@contextmanager
def open_media(source: Source) -> Iterator[InputContainer]:
    """Open a media file; no picture in it may exceed `MAX_PIXELS`.

    Raises:
        InputError: unreadable, empty, too_large.
    """
    with _open(source, _LIMIT) as container:
        codecs: list[Any] = [stream.codec_context for stream in container.streams.video if stream.codec_context]
        for codec in codecs:
            width, height = codec.width, codec.height
            if not width and not container.format.name.endswith("_pipe"):  # unknown, or above the limit
                width, height = _declared_size(source)
            if width * height > MAX_PIXELS:
                raise too_large(source, width, height)
            codec.options = _LIMIT  # frames may be of another size than the file declares
        yield container


@contextmanager
def _open(source: Source, options: dict[str, str]) -> Iterator[InputContainer]:
    with open_file(source) as file:
        file.name = "media"  # all that FFmpeg is told, so an extension or a `%d` in the name means nothing
        options = {"protocol_whitelist": "none", **options}  # "none" is no protocol: no second file can be opened
        try:
            container = av.open(file, "r", options=options, metadata_errors="replace", buffer_size=1 << 16)
        except (FFmpegError, OSError, ValueError, MemoryError) as error:
            raise unreadable(source) from error
        with container:
            if container.format.name in _TEXT_ART:
                raise unreadable(source)
            yield container


def _declared_size(source: Source) -> tuple[int, int]:
    with _open(source, {}) as container:
        codecs: list[Any] = [stream.codec_context for stream in container.streams.video if stream.codec_context]
        return max(((codec.width, codec.height) for codec in codecs), key=math.prod, default=(0, 0))


def unreadable(source: object) -> InputError:
    return InputError(
        "unreadable",
        f"{source} holds no sound and no picture that can be decoded.",
        "Check that it plays, or convert it with `ffmpeg -i IN OUT.mp4`.",
    )


def too_large(source: object, width: int, height: int) -> InputError:
    message = f"{source} declares {width} × {height} pixels; the limit is {MAX_PIXELS // 10**6} million."
    return InputError("too_large", message, "Scale it down first.")
