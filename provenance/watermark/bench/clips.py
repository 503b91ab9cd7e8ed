"""A clip before and after: marked, and encoded as the seal encodes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core.errors import UsageError
from ....core.media import VideoReader, VideoWriter
from .schemes import Scheme

SUFFIXES = {".avi", ".mkv", ".mov", ".mp4", ".webm"}


def gathered(paths: Iterable[Path]) -> list[Path]:
    """Clips, and in place of each folder the videos in it, by name. UsageError "usage" if there are none."""
    clips = [clip for path in paths for clip in (_videos(path) if path.is_dir() else [path])]
    if not clips:
        endings = ", ".join(sorted(SUFFIXES))
        raise UsageError("usage", "There is no video in these folders.", f"Videos end in {endings}.")
    return clips


def _videos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


@dataclass(frozen=True)
class Prepared:
    """Files made of one clip.

    Attributes:
        name: of the clip.
        sealed: marked and encoded as the seal does.
        marked, before: the frames with and without the mark, without loss, for quality.
        width, height: px.
        frames: number.
        embed_ms: processor time to mark a frame, milliseconds, all cores together.
    """

    name: str
    sealed: Path
    marked: Path
    before: Path
    width: int
    height: int
    frames: int
    embed_ms: float


def prepare(clip: Path, folder: Path, scheme: Scheme, seconds: float) -> Prepared:
    """Mark up to `seconds` of a clip. InputError as `VideoReader`."""
    reader = VideoReader(clip, seconds=seconds)
    width, height = reader.width // 2 * 2, reader.height // 2 * 2
    mark = scheme.marker(width, height, float(reader.fps))
    files = [folder / f"{clip.stem}.{name}.mp4" for name in ("sealed", "marked", "before")]
    size: dict[str, Any] = {"width": width, "height": height, "fps": reader.fps}
    lossless: dict[str, Any] = {"crf": 0, "preset": "ultrafast"}
    count, spent = 0, 0.0
    with ExitStack() as stack:
        sealed = stack.enter_context(VideoWriter(files[0], **size))
        kept, before = (stack.enter_context(VideoWriter(file, **size, **lossless)) for file in files[1:])
        for chunk in reader:
            frames = chunk[:, :height, :width]
            began = time.process_time()
            marked = mark(frames, count)
            spent += time.process_time() - began
            count += len(frames)
            sealed.write(marked)
            kept.write(marked)
            before.write(frames)
    return Prepared(
        name=clip.stem,
        sealed=files[0],
        marked=files[1],
        before=files[2],
        width=width,
        height=height,
        frames=count,
        embed_ms=1000 * spent / max(count, 1),
    )
