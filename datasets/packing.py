"""Face crops as a small corpus of its own, to learn from on a machine that has room for little and finds no faces.

    index.jsonl             one line a clip, as any index
    00000.mp4               the crops of a clip, with its sound
    00000.landmarks.npz     its landmarks, in 1/64 of a pixel, and how it was cut

The index goes where any index goes. `face_crops` takes such clips as they are: no face is looked for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.atomic import telling
from ..core.errors import AssetError, UsageError
from ..core.media import VideoReader, VideoWriter, probe, read_audio
from ..core.progress import Progress, Report, silent
from .cutting import Cut, appearing, note_spans
from .index import Entry, write_index

if TYPE_CHECKING:
    from .crops import Crops, FaceClip

INDEX = "index.jsonl"
STEP = 64  # of landmarks, to a pixel
SOUND_RATE = 16_000
CRF = 16  # of the crops: hardly a visible loss
SHORTEST = 1.0  # seconds of a clip that is worth a place


def pack(crops: Crops, out: Path, *, margin: float, shift_up: float, limit: int, progress: Report = silent) -> Path:
    """Write clips of crops, with sound and landmarks, to a folder of at most `limit` bytes; return its index.

    Args:
        margin, shift_up: that `crops` were cut with.

    Every clip has the same right to room: what a short one leaves over, longer ones may use; they lose their end.

    Raises:
        UsageError: `usage` if there is something at `out`, or `limit` has no room for a second of every clip.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError("usage", f"{out} is not empty", "Name a folder that is not there yet.")
    with telling(out):
        out.mkdir(parents=True, exist_ok=True)
    order = sorted(enumerate(crops.clips), key=lambda each: each[1].length)
    entries: dict[int, Entry] = {}
    left = limit - 1024 * len(order)  # of which the index takes half, about
    for done, (number, clip) in enumerate(order):
        progress(Progress("pack", done, len(order), "clips", clip.name))
        room, length = left / (len(order) - done), clip.length
        while (size := _write(clip, out / f"{number:05d}.mp4", length, (margin, shift_up))) > room:
            length = int(length * min(room / size, 0.95) * 0.98)
            if length < SHORTEST * clip.fps:
                raise UsageError("usage", f"{limit:,} bytes are too few for {len(order)} clips", "Allow more.")
        left -= size
        entries[number] = replace(clip.entry, video=f"{number:05d}.mp4")
    write_index(out / INDEX, [entries[number] for number in sorted(entries)])
    return out / INDEX


def _write(clip: FaceClip, path: Path, length: int, recipe: tuple[float, float]) -> int:
    """The first `length` frames of a clip as a video and its landmarks; returns their bytes."""
    frames, rate = clip.frames[:length], SOUND_RATE if probe(clip.video).audio is not None else None
    height, width = frames.shape[1:3]
    with VideoWriter(path, width=width, height=height, fps=clip.fps, audio_rate=rate, crf=CRF, preset="medium") as made:
        made.write(frames)
        if rate:
            made.write_audio(read_audio(clip.video, rate=rate, start=clip.start, seconds=length / clip.fps))
    points = np.round(clip.landmarks[:length] * STEP).clip(-(2**15), 2**15 - 1).astype(np.int16)
    np.savez_compressed(_landmarks(path), landmarks=points, recipe=np.array(recipe), fps=clip.fps, size=width)
    return path.stat().st_size + _landmarks(path).stat().st_size


def packed(video: Path) -> bool:
    """Whether a video is a clip of a pack."""
    return _landmarks(video).is_file()


def unpack(video: Path, folder: Path, cut: Cut) -> None:
    """Write `folder` as `cut_video` does, from a clip of a pack, made smaller where smaller crops are wanted.

    Raises:
        AssetError: `other_crops` if it was cut in another way, or is too small.
        InputError: what `VideoReader` raises.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    with np.load(_landmarks(video)) as held:
        points, size = held["landmarks"].astype(np.float32) / STEP, int(held["size"])
        had = (*(round(float(each), 6) for each in held["recipe"]), float(held["fps"]))
    side, _ = cut.recipe.width_height
    if had != (cut.recipe.margin, cut.recipe.shift_up, float(cut.fps)) or side > size:
        hint = "Pack them again for this training: facewright datasets pack."
        raise AssetError("other_crops", f"{video} holds other crops: {size} px, margin, shift and rate {had}", hint)
    frames = [frame for chunk in VideoReader(video) for frame in chunk]
    if side < size:
        frames = [cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in frames]
        points[..., :2] = (points[..., :2] + 0.5) * side / size - 0.5  # the centre of a pixel is no multiple of it
        points[..., 2] *= side / size
    with appearing(folder) as part:
        np.save(part / "000.frames.npy", np.stack(frames))
        np.save(part / "000.landmarks.npy", points[: len(frames)])
        note_spans(part, [{"start": 0.0, "frames": len(frames)}])


def _landmarks(video: Path) -> Path:
    return video.with_suffix(".landmarks.npz")
