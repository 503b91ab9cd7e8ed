"""Media in and out: any file FFmpeg reads, as RGB frames and mono sound in chunks; one writer of H.264 and AAC.

Names load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .audio import AudioReader, read_audio
    from .image import read_image
    from .info import AudioInfo, MediaInfo, VideoInfo, probe
    from .reader import VideoReader
    from .writer import VideoWriter

_HOME = {
    "AudioInfo": "info",
    "AudioReader": "audio",
    "MediaInfo": "info",
    "VideoInfo": "info",
    "VideoReader": "reader",
    "VideoWriter": "writer",
    "probe": "info",
    "read_audio": "audio",
    "read_image": "image",
}

__all__ = [
    "AudioInfo",
    "AudioReader",
    "MediaInfo",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "probe",
    "read_audio",
    "read_image",
]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
