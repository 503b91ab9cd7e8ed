"""A second coat of the mark, over a video that was encoded with one already.

A clip of a second or two, a small or a dark one may hold its mark only just; and what was made of a picture that
carries the mark of an earlier record carries both, of which either may be the louder. So the mark is measured after the
encoding, and where it is thin or drowned the encoded video is marked once more. What stands in place of an earlier mark
is taken back at the same time, as far as it lies where it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from ..core.media import AudioReader, VideoReader
from ..core.progress import Report
from .encoding import Stopwatch, encode
from .watermark import MarkReading, read_mark, resolve_key

# A mark that stands cropping, scaling and another encoding; most have 1e-25 and 0.08 as they leave the encoder.
FIRM = 1e-14  # p-value
WRONG = 0.18  # of the signs of its code word
MOST = 2  # further coats
_IN_PLACE = 0.01, 1.0, 1.5  # of the scale, degrees, px: what an earlier mark may be off to be taken back


def firm(reading: MarkReading, record_id: str) -> bool:
    """Whether a mark is the one that was written, with a margin."""
    if reading.record_id != record_id or reading.p_value > FIRM:
        return False
    return reading.details["bits_corrected"] <= WRONG * reading.details["coded_bits"]


def coat(
    source: Path,
    target: Path,
    record_id: str,
    reading: MarkReading,
    *,
    fps: Fraction | float,
    metadata: Mapping[str, str] | None,
    progress: Report,
    watch: Stopwatch,
    crf: float = 18,
) -> None:
    """Encode a video again with another coat of its mark; the sound, marked already, goes along.

    Args:
        source: MP4 as encoded before.
        target: MP4 to write.
        record_id: of the mark.
        reading: what the source says.
        The rest as for `encode`.

    Raises:
        Whatever the readers and `encode` raise.
    """
    video = VideoReader(source)
    sound = AudioReader(source, rate=video.info.audio.rate) if video.info.audio else None
    encode(
        video,
        target,
        fps=fps,
        width=video.width,
        height=video.height,
        mark=record_id,
        instead_of=_replaced(source, record_id, reading),
        sound_mark=None,
        audio=sound,
        audio_rate=sound.rate if sound else None,
        metadata=metadata,
        total=video.video.frames,
        progress=progress,
        watch=watch,
        crf=crf,
    )


def _replaced(source: Path, record_id: str, reading: MarkReading) -> str | None:
    """The record of an earlier mark that can be taken back: in its place, and under the key that is written with."""
    if reading.record_id == record_id or not _in_place(reading):
        return None
    same_key = read_mark(source, key=resolve_key()).record_id == reading.record_id
    return reading.record_id if same_key else None


def _in_place(reading: MarkReading) -> bool:
    scale, angle, shift = _IN_PLACE
    said = reading.details
    return (
        reading.found
        and not said["flipped"]
        and not said["turned"]
        and abs(said["scale"] - 1) <= scale
        and abs(said["rotation"]) <= angle
        and max(map(abs, said["shift"])) <= shift
    )
