"""Folders of frames as videos, which is what trackers, trainings and scans read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.atomic import telling
from ..core.errors import InputError
from ..core.media import VideoWriter, read_image
from ..core.progress import Progress, Report, silent
from .container import frames_of
from .index import Entry
from .readers.tree import Skipped

FPS = 25.0  # sets of frames do not say theirs
CRF = 12  # what little this loses, it loses in both labels


def film(
    entries: Sequence[Entry], base: Path, folder: Path, *, progress: Report = silent
) -> tuple[list[Entry], list[Skipped]]:
    """Write every folder of frames as a video, and put the videos in place of the folders.

    Videos that are there already are kept. Frames are scaled to the size of the first, made even.

    Args:
        base: what paths of the entries are relative to.
        folder: for the videos; made if it is not there.

    Returns:
        The entries, and folders with a picture that cannot be read, which are left out.

    Raises:
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
    kept, skipped = [], []
    for number, entry in enumerate(entries):
        progress(Progress("write frames as videos", number, len(entries), "clips"))
        frames = base / entry.video
        if frames.is_dir():
            name = hashlib.sha256(str(frames.resolve()).encode()).hexdigest()[:12]
            target = folder.resolve() / f"{frames.name}-{name}.mp4"
            try:
                _write(frames, target)
            except InputError as error:
                skipped.append(Skipped(entry.video, error.message))
                continue
            near = target.is_relative_to(base.resolve())
            video = (target.relative_to(base.resolve()) if near else target).as_posix()
            entry = replace(entry, video=video, encode=f"{entry.encode} frames, h264 crf={CRF}".strip())
        kept.append(entry)
    return kept, skipped


def _write(frames: Path, target: Path) -> None:
    if target.exists():
        return
    pictures = frames_of(frames)
    height, width = (max(2, side // 2 * 2) for side in read_image(pictures[0]).shape[:2])
    part = target.with_name(f".{target.name}.part")
    with VideoWriter(part, width=width, height=height, fps=FPS, crf=CRF) as writer:
        for picture in _scaled(pictures, width, height):
            writer.write(picture[None])
    with telling(target):
        part.replace(target)


def _scaled(pictures: Sequence[Path], width: int, height: int) -> Iterator[np.ndarray]:
    import cv2

    for path in pictures:
        picture = read_image(path)
        if picture.shape[:2] != (height, width):
            shrinks = picture.shape[0] > height
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        yield picture
