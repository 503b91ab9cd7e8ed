"""Faces to learn from: an index of videos as clips of crops, made once and kept on disk, and seeded draws from them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ..core.atomic import telling
from ..core.errors import AssetError
from ..core.faces import CropRecipe
from ..core.progress import Progress, Report, silent
from .cutting import Cut, cut_video, spans
from .index import Entry, groups
from .manifest import TERMS, read_videos
from .packing import packed, unpack

HELD_OUT = 0.1  # share of the people, one at least, that is "val" where the index names no splits


@dataclass(frozen=True)
class FaceClip:
    """A run of frames that shows one face.

    Attributes:
        entry: the video's line in the index.
        video: the file, for its sound.
        start: seconds into the video where the clip begins.
        fps: frames per second.
        length: frames.
        path: of the crops.
    """

    entry: Entry
    start: float
    fps: float
    length: int
    path: Path

    @property
    def video(self) -> Path:
        return Path(self.entry.video)

    @property
    def name(self) -> str:
        return f"{self.video.stem} {self.path.name.split('.')[0]}"

    @property
    def identity(self) -> str:
        return self.entry.identity

    @property
    def source(self) -> str:
        return self.entry.source

    @property
    def licence(self) -> str:
        return self.entry.licence

    @property
    def seconds(self) -> float:
        return self.length / self.fps

    @cached_property
    def frames(self) -> np.ndarray:
        """uint8 (T, h, w, 3), a read-only memory map: what is not touched is not read."""
        return np.load(self.path, mmap_mode="r")

    @cached_property
    def landmarks(self) -> np.ndarray:
        """float32 (T, 478, 3), pixels of the crop."""
        return np.load(self.path.with_name(self.path.name.replace("frames", "landmarks")), mmap_mode="r")


class Crops:
    """Clips to draw from. People have equal chances, a person's clips by their length."""

    def __init__(self, clips: list[FaceClip]) -> None:
        self.clips = clips
        self.identities = sorted({clip.identity for clip in clips})
        self._long: dict[int, list[list[FaceClip]]] = {}  # frames → clips at least that long, by person

    def pair(self, random: np.random.Generator, *, apart: float = 0.0) -> tuple[FaceClip, int, int]:
        """Two different frames of one clip.

        Args:
            apart: seconds between them at least, as far as the clip is long enough.
        """
        clip = self._clip(random, 2)
        gap = min(max(round(apart * clip.fps), 1), clip.length - 1)
        first = int(random.integers(clip.length - gap))
        second = int(random.integers(first + gap, clip.length))
        return (clip, first, second) if random.random() < 0.5 else (clip, second, first)

    def window(self, random: np.random.Generator, frames: int) -> tuple[FaceClip, int]:
        """A clip and the first of `frames` consecutive frames in it.

        Raises:
            AssetError: `data_missing` if no clip is that long.
        """
        clip = self._clip(random, frames)
        return clip, int(random.integers(clip.length - frames + 1))

    def _clip(self, random: np.random.Generator, frames: int) -> FaceClip:
        if frames not in self._long:
            long: dict[str, list[FaceClip]] = {}
            for clip in self.clips:
                if clip.length >= frames:
                    long.setdefault(clip.identity, []).append(clip)
            if not long:
                raise AssetError("data_missing", f"no clip has {frames} frames", "Train on longer videos.")
            self._long[frames] = [long[identity] for identity in sorted(long)]
        own = self._long[frames][random.integers(len(self._long[frames]))]
        chance = np.array([clip.length - frames + 1 for clip in own], float)
        return own[random.choice(len(own), p=chance / chance.sum())]

    def sources(self) -> list[str]:
        """One line for every terms: how many seconds of how many people; for the weight record."""
        lines = []
        for terms in sorted({clip.licence for clip in self.clips}):
            own = [clip for clip in self.clips if clip.licence == terms]
            people, seconds = len({clip.identity for clip in own}), sum(clip.seconds for clip in own)
            lines.append(f"{people} people, {seconds:.0f} s: {terms}")
        return lines


def face_crops(
    data: Path,
    cache: Path,
    *,
    size: int = 256,
    fps: float = 25.0,
    margin: float = 0.3,
    shift_up: float = 0.0,
    longest: float = 20.0,
    most: float | None = None,
    split: str | None = None,
    terms: Collection[str] = TERMS,
    workers: int = 0,
    progress: Report = silent,
) -> Crops:
    """Clips of all faces that `data` names; what a former call has made in `cache` is used.

    Args:
        data: an index, that of a pack (`packing.pack`) too, or a folder with MANIFEST.csv and `video_real`.
        cache: folder for the crops.
        size, margin, shift_up: as in `CropRecipe`.
        fps: of the clips.
        longest: seconds of a clip at most.
        most: seconds of a video that are used at most; None: all.
        split: only this one; where the index names none, a tenth of the people, one at least, is "val", the others are
            "train".
        terms: licence classes to use.
        workers: processes that cut at the same time; 0 cuts in this one.

    Raises:
        AssetError: `data_missing` if no face is left.
        InputError: `bad_index`, `unreadable`.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    entries = read_videos(data, terms=terms)
    if split is not None:
        entries = [entry for entry in _parted(entries) if entry.split == split]
    cut = Cut(CropRecipe(size, margin, shift_up), fps, longest=longest, most=most)
    folder = cache / f"crops-{_hash(sorted(_words(cut).items()))}"
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
    homes = [(entry, folder / _home(Path(entry.video))) for entry in entries]
    _cut_missing(
        [(Path(e.video), home, cut) for e, home in homes if not (home / "clips.json").exists()], workers, progress
    )
    clips = [
        FaceClip(entry, span["start"], fps, int(span["frames"]), home / f"{number:03d}.frames.npy")
        for entry, home in homes
        for number, span in enumerate(spans(home))
    ]
    if not clips:
        what = f"no video of {data}" + (f" in split {split!r}" if split else "")
        raise AssetError("data_missing", f"{what} shows a face for a second", "Name other data with --data.")
    return Crops(clips)


def _parted(entries: list[Entry]) -> list[Entry]:
    """Entries with splits: their own, or by the hash of the group."""
    if any(entry.split for entry in entries):
        return entries
    group_of = groups(entries)
    order = sorted(set(group_of), key=_hash)
    held_out = set(order[: max(round(HELD_OUT * len(order)), 1)]) if len(order) > 1 else set()
    return [
        replace(entry, split="val" if group in held_out else "train")
        for entry, group in zip(entries, group_of, strict=True)
    ]


def _cut_missing(jobs: list[tuple[Path, Path, Cut]], workers: int, progress: Report) -> None:
    """Cut videos, here or in processes of their own; an error in one ends all."""
    with ProcessPoolExecutor(workers, get_context("spawn")) if workers else nullcontext() as pool:
        done = map(_cut, jobs) if pool is None else pool.map(_cut, jobs)
        for number, (video, _, _) in enumerate(jobs):
            progress(Progress("crop faces", number, len(jobs), "videos", video.name))
            next(done)


def _cut(job: tuple[Path, Path, Cut]) -> None:
    (unpack if packed(job[0]) else cut_video)(*job)


def _home(video: Path) -> str:
    """A name that changes with the file."""
    known = video.stat()
    return f"{video.stem[:60]}-{_hash([str(video), known.st_size, known.st_mtime_ns])}"


def _words(cut: Cut) -> dict[str, object]:
    return {**asdict(cut), "version": 1}


def _hash(words: object) -> str:
    return hashlib.sha256(repr(words).encode()).hexdigest()[:12]
