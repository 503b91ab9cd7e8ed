"""What a media file holds: `probe`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .color import orientation
from .source import MAX_PIXELS, Source, open_media, too_large, unreadable
from .streams import audio_stream, channel_layout, decode, frame_rate, packets, video_stream

_HDR = {16: "PQ", 18: "HLG"}  # AVColorTransferCharacteristic
_LONGEST = 30 * 86400.0  # a declared length above this is damage


@dataclass(frozen=True)
class VideoInfo:
    """A video stream as a player shows it.

    Attributes:
        codec: FFmpeg's name ("h264").
        width: pixels, upright and square: after rotation and pixel aspect.
        height: likewise.
        fps: nominal frame rate.
        frames: number of frames the container declares, or None.
        rotation: degrees clockwise that a player turns the stored picture (0, 90, 180, 270).
        mirrored: whether a player mirrors the stored picture left to right before turning it.
        bit_rate: bits per second, or None where unknown.
        pixel_format: FFmpeg's name ("yuv420p").
        interlaced: whether the first frame is.
        hdr: "PQ" or "HLG" for high dynamic range, else None. Frames are not tone-mapped.
    """

    codec: str
    width: int
    height: int
    fps: Fraction
    frames: int | None
    rotation: int = 0
    mirrored: bool = False
    bit_rate: int | None = None
    pixel_format: str = ""
    interlaced: bool = False
    hdr: str | None = None


@dataclass(frozen=True)
class AudioInfo:
    """A sound stream: FFmpeg's codec name, samples per second, channels, length in seconds."""

    codec: str
    rate: int
    channels: int
    seconds: float


@dataclass(frozen=True)
class MediaInfo:
    """A media file: length of the video, or of the sound where there is none; FFmpeg's container name; its streams."""

    seconds: float
    container: str
    video: VideoInfo | None
    audio: AudioInfo | None


def probe(source: Source) -> MediaInfo:
    """Say what a media file holds. The first video frame is decoded, so what `probe` accepts can be read.

    Raises:
        InputError: unreadable, empty, too_large.
    """
    with open_media(source) as container:
        picture, sound = video_stream(container), audio_stream(container)
        video = _video(source, container, picture) if picture else None
        audio = _audio(source, container, sound) if sound else None
        if not video and not audio:
            raise unreadable(source)
        seconds = _seconds(source, container, picture) if picture else audio.seconds if audio else 0.0
        return MediaInfo(seconds, container.format.name, video, audio)


def _video(source: Source, container: Any, stream: Any) -> VideoInfo:
    frame = next(decode(container, stream, []), None)
    if frame is None:
        raise unreadable(source)
    aspect = stream.sample_aspect_ratio or 1
    if not Fraction(1, 8) <= aspect <= 8:
        aspect = 1  # damage: no camera has such pixels
    width, height = max(round(frame.width * aspect), 1), frame.height
    rotation, mirrored = orientation(frame)
    if rotation % 180:
        width, height = height, width
    if width * height > MAX_PIXELS:
        raise too_large(source, width, height)
    rate = stream.guessed_rate or stream.average_rate or 0
    return VideoInfo(
        codec=stream.codec_context.name,
        width=width,
        height=height,
        fps=frame_rate(rate if 0 < rate <= 1000 else 25),
        frames=stream.frames or None,
        rotation=rotation,
        mirrored=mirrored,
        bit_rate=stream.codec_context.bit_rate or None,
        pixel_format=frame.format.name,
        interlaced=frame.interlaced_frame,
        hdr=_HDR.get(frame.color_trc),
    )


def _audio(source: Source, container: Any, stream: Any) -> AudioInfo:
    codec = stream.codec_context
    channels = channel_layout(codec).nb_channels
    return AudioInfo(codec.name, codec.sample_rate, channels, _seconds(source, container, stream))


def _seconds(source: Source, container: Any, stream: Any) -> float:
    declared = stream.duration * float(stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    return declared if 0 < declared < _LONGEST else _measured(source, stream.index)


def _measured(source: Source, index: int) -> float:
    """Length by reading every packet, for files that do not state it: recordings never finished, raw streams."""
    with open_media(source) as container:
        stream: Any = container.streams[index]
        period = 1 / float(stream.average_rate) if stream.type == "video" and stream.average_rate else 0.0
        start, end, count = (stream.start_time or 0), 0.0, 0
        for packet in packets(container, stream, []):
            count += packet.size > 0
            if packet.pts is not None:
                end = max(end, float((packet.pts - start + (packet.duration or 0)) * stream.time_base))
        return end if 0 < end < _LONGEST else count * period
