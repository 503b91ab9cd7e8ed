"""What detectors see and say of every clip and variant, kept beside the index so that nothing is measured twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ...core.errors import InputError
from ...core.faces import track
from ...core.media import VideoReader
from ...core.progress import Progress, Report, silent
from ..detector import Detector, Evidence, Observation, Sound
from ..detectors import features, motion, speech
from ..detectors.lipsync import LipRows
from ..detectors.residual import Rows
from ..detectors.temporal import MotionRows
from ..fusion import log_odds
from ..measures import CONTAINER
from .clips import FPS, SECONDS, SIDE, Excerpt, Variant, Window, altered, encoded, frames_of

RATE = speech.FPS  # of tracking
VERSION = "1"


@dataclass(frozen=True)
class Seen:
    """One clip in one variant.

    Attributes:
        rows: float32 (n, measures) of `residual` and `temporal`, n = 0 where they abstain; of `lipsync` seconds and
            lip shapes.
        odds: of each further detector: log-odds, NaN where it abstains.
        container: float32 (len(CONTAINER),).
    """

    rows: dict[str, np.ndarray] = field(default_factory=dict)
    odds: dict[str, float] = field(default_factory=dict)
    container: np.ndarray = field(default_factory=lambda: np.ones(len(CONTAINER), np.float32))


def measure(path: str, sound: Sound | None, shipped: Sequence[Detector]) -> Seen:
    """Track a clip once and show it to all; the face seen longest counts."""
    reader = VideoReader(path, fps=RATE)
    last: list[np.ndarray] = []
    faces: dict[int, _Readers] = {}

    def frames():
        for frame in (frame for chunk in reader for frame in chunk):
            last[:] = [frame]
            yield frame[None]

    for found in track(frames(), fps=RATE):
        for seen in found.faces:
            luma = cv2.cvtColor(last[0], cv2.COLOR_RGB2GRAY)
            own = faces.setdefault(seen.track, _Readers(sound, shipped))
            own.push(found.index, Observation(found.index / RATE, last[0], luma, seen.face))
    video, seconds = reader.video, reader.info.seconds
    weight = os.stat(path).st_size / (video.width * video.height * max(seconds, 1e-3))
    container = np.array([weight, float(video.fps), video.width, video.height, seconds], np.float32)
    longest = max(faces.values(), key=lambda one: one.count, default=None)
    return Seen(*longest.said(), container) if longest else Seen(container=container)


class _Readers:
    """Everything that looks at one face."""

    def __init__(self, sound: Sound | None, shipped: Sequence[Detector]) -> None:
        self.count = 0
        self._residual, self._motion, self._lips = Rows(surroundings=False), MotionRows(), LipRows()
        self._shipped = {one.name: (round(RATE / one.fps), one.open(sound)) for one in shipped}

    def push(self, index: int, observation: Observation) -> None:
        self.count += 1
        self._lips.push(observation)
        if index % round(RATE / motion.FPS) == 0:
            self._motion.push(observation)
            self._residual.push(observation)
        for every, reader in self._shipped.values():
            if index % every == 0:
                reader.push(observation)

    def said(self) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        rows = {
            "residual": _table([] if self._residual.reason else self._residual.rows, len(features.NAMES)),
            "temporal": _table([] if self._motion.reason else self._motion.stream.rows, len(motion.NAMES)),
            "lipsync": self._lips.table,
        }
        said: dict[str, Evidence] = {name: reader.evidence() for name, (_, reader) in self._shipped.items()}
        return rows, {n: np.nan if one.score is None else float(log_odds(one.score)) for n, one in said.items()}


def measure_all(
    windows: Sequence[Window],
    variants: Sequence[Variant],
    cache: Path,
    shipped: Sequence[Detector] = (),
    progress: Report = silent,
) -> dict[str, dict[str, Seen]]:
    """Variant → name of the clip → what was seen; interrupted, the same call goes on where it stopped.

    Args:
        windows: the clips.
        variants: the first is the standard one.
        cache: folder for what is kept.
        shipped: detectors that are asked as they are.
    """
    cache.mkdir(parents=True, exist_ok=True)
    total, done = len(windows) * len(variants), 0
    found: dict[str, dict[str, Seen]] = {variant.name: {} for variant in variants}
    for window in windows:
        frames: np.ndarray | None = None
        for variant in variants:
            done += 1
            if variant.genuine and window.entry.label != "genuine":
                continue
            kept = cache / f"{_key(window, variant, shipped)}.npz"
            if not kept.exists():
                frames = _frames(window) if frames is None else frames
                _keep(kept, _measured(frames, window, variant, shipped))
            found[variant.name][window.entry.video] = _kept(kept)
            progress(Progress("measure clips", done, total, "clips"))
    return found


def _frames(window: Window) -> np.ndarray:
    """No frames where there is no face or the file cannot be read to there."""
    try:
        frames = frames_of(window)
    except InputError as error:
        if error.code != "too_short":
            raise
        frames = None
    return np.zeros((0, SIDE, SIDE, 3), np.uint8) if frames is None else frames


def _measured(frames: np.ndarray, window: Window, variant: Variant, shipped: Sequence[Detector]) -> Seen:
    if len(frames) < FPS:
        return Seen()
    with encoded(altered(frames, window, variant), variant.crf) as path:
        return measure(path, Excerpt(window.path, window.start), shipped)


def _key(window: Window, variant: Variant, shipped: Sequence[Detector]) -> str:
    """A name that changes with the file, the chain, the variant, the measures and the detectors that are asked."""
    known = window.path.stat()
    words = [str(window.path.resolve()), known.st_size, known.st_mtime_ns, round(window.start, 3), window.entry.marked]
    words += [repr(variant), SIDE, FPS, SECONDS, VERSION, features.VERSION, motion.VERSION]
    words += [f"{one.name} {one.about.get('Weights', '')}" for one in shipped]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:24]


def _keep(path: Path, seen: Seen) -> None:
    part = path.with_suffix(".part.npz")
    arrays = {f"rows {name}": table for name, table in seen.rows.items()}
    arrays |= {f"odds {name}": np.array(value) for name, value in seen.odds.items()}
    np.savez_compressed(part, container=seen.container, **arrays)
    part.replace(path)


def _kept(path: Path) -> Seen:
    with np.load(path, allow_pickle=False) as file:
        rows = {name[5:]: file[name] for name in file.files if name.startswith("rows ")}
        odds = {name[5:]: float(file[name]) for name in file.files if name.startswith("odds ")}
        return Seen(rows, odds, file["container"])


def _table(rows: Sequence[np.ndarray], width: int) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, width)
