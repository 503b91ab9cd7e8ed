"""What a file's container alone says, and how far that gives the label away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.media import VideoReader, probe, read_image
from .index import Entry, groups
from .readers.tree import PICTURES

NUMBERS = ("width", "height", "fps", "seconds", "bit_rate")
WORDS = ("sound", "codec", "container", "pixel_format")
MOST = 4000  # clips that the baseline is fitted to
FOLDS, TREES, DRAWS = 5, 40, 200
JUDGED = (*(name for name in NUMBERS if name != "bit_rate"), *WORDS)
"""What is the container's own; the bit rate is the picture's too, where clips were encoded alike, and judged apart."""
_END = 0.4  # seconds before its end at which a file must still give a frame


@dataclass(frozen=True)
class Container:
    """Size in pixels, frames and bits a second, length in seconds, and FFmpeg's names; of stills one frame a second.

    Bits are those of the picture alone where the file states them, so that a manifest does not count.
    """

    width: int
    height: int
    fps: float
    seconds: float
    bit_rate: float
    sound: str
    codec: str
    container: str
    pixel_format: str


def look(path: Path, *, deep: bool = False) -> Container:
    """Read the container of a video, a picture or a folder of frames.

    Args:
        deep: decode frames in the middle and near the end too, which a copy that broke off does not have.

    Raises:
        InputError: "unreadable", "empty", "too_large", "no_video", "too_short".
    """
    if path.is_dir():
        return _folder(path, deep)
    info = probe(path)
    if info.video is None:
        raise InputError("no_video", f"{path} has no picture")
    still = path.suffix.lower()[1:] in PICTURES
    if deep and still:
        read_image(path)
    elif deep:
        for start in (info.seconds / 2, info.seconds - _END):
            next(iter(VideoReader(path, start=max(0.0, start), seconds=_END, chunk=1)))
    seconds = 1.0 if still else info.seconds
    return Container(
        info.video.width,
        info.video.height,
        round(float(info.video.fps), 3),
        seconds,
        float(info.video.bit_rate or 8 * path.stat().st_size / max(seconds, 1e-3)),
        info.audio.codec if info.audio else "none",
        info.video.codec,
        info.container,
        info.video.pixel_format,
    )


def _folder(path: Path, deep: bool) -> Container:
    frames = frames_of(path)
    if not frames:
        raise InputError("empty", f"{path} holds no picture")
    first = look(frames[0])
    for frame in frames if deep else ():
        read_image(frame)
    size = sum(frame.stat().st_size for frame in frames)
    return Container(
        first.width, first.height, 1.0, float(len(frames)), 8 * size / len(frames), "none", first.codec, "frames",
        first.pixel_format,
    )  # fmt: skip


def frames_of(folder: Path) -> list[Path]:
    """Pictures of a folder by the numbers in their names, so that 10 comes after 9."""
    found = [path for path in folder.iterdir() if path.suffix.lower()[1:] in PICTURES]
    return sorted(
        found, key=lambda path: [int(part) if part.isdigit() else 0 for part in re.split(r"(\d+)", path.stem)]
    )


def summary(containers: Sequence[Container]) -> dict[str, Any]:
    """Medians of what is a number, counts of what is a word."""
    numbers = {name: round(median(getattr(each, name) for each in containers), 3) for name in NUMBERS}
    return numbers | {name: dict(Counter(getattr(each, name) for each in containers).most_common()) for name in WORDS}


@dataclass(frozen=True)
class Baseline:
    """How well the container alone tells synthetic from genuine clips of people it has not seen.

    Attributes:
        auc: area under the ROC curve; 0.5 gives nothing away. Where clips were made in pairs of equal containers it is
            below: the twin that was seen has the other label.
        low, high: 90 % interval over groups of people and sources.
        alone: AUC of each property by itself.
        clips: that it was measured on.
    """

    auc: float
    low: float
    high: float
    alone: dict[str, float]
    clips: int

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def baseline(
    entries: Sequence[Entry], containers: Sequence[Container], names: Sequence[str] = JUDGED, *, seed: int = 0
) -> Baseline | None:
    """Fit a forest to these properties, people and sources held out; None for too few of either label."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    group = np.array(groups(entries))
    synthetic = np.array([entry.synthetic for entry in entries])
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(len(entries))[:MOST])
    group, synthetic = np.unique(group[chosen], return_inverse=True)[1], synthetic[chosen]
    kinds = [np.unique(group[synthetic == label]) for label in (True, False)]
    folds = min(FOLDS, *map(len, kinds))
    if folds < 2 or len(np.unique(group)) < FOLDS:
        return None
    table = np.stack([_column(name, [containers[number] for number in chosen]) for name in names], axis=1)
    leaf = min(20, max(2, len(chosen) // 10))
    forest = RandomForestClassifier(TREES, min_samples_leaf=leaf, class_weight="balanced", random_state=seed)
    scores = _held_out(forest, table, synthetic, group, folds, seed)
    if scores is None:
        return None
    draws = []
    members = [np.flatnonzero(group == number) for number in range(group.max() + 1)]
    for _ in range(DRAWS):
        drawn = np.concatenate([members[number] for number in random.integers(len(members), size=len(members))])
        if 0 < synthetic[drawn].mean() < 1:
            draws.append(roc_auc_score(synthetic[drawn], scores[drawn]))
    low, high = np.quantile(draws, [0.05, 0.95])
    tree = DecisionTreeClassifier(min_samples_leaf=leaf, class_weight="balanced", random_state=seed)
    alone = {}
    for number, name in enumerate(names):
        column = table[:, [number]]
        by_itself = _held_out(tree, column, synthetic, group, folds, seed) if np.ptp(column) else None
        alone[name] = 0.5 if by_itself is None else round(float(roc_auc_score(synthetic, by_itself)), 3)
    auc = float(roc_auc_score(synthetic, scores))
    return Baseline(round(auc, 3), round(float(low), 3), round(float(high), 3), alone, len(chosen))


def _column(name: str, containers: Sequence[Container]) -> np.ndarray:
    values = [getattr(each, name) for each in containers]
    return np.array(values, float) if name in NUMBERS else np.unique(values, return_inverse=True)[1].astype(float)


def _held_out(
    model: Any, table: np.ndarray, synthetic: np.ndarray, group: np.ndarray, folds: int, seed: int
) -> np.ndarray | None:
    """Scores (n,) of models that have seen neither the clip nor its group; None where a fold lacks a label."""
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.empty(len(table))
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(table, synthetic, group):
        if len(np.unique(synthetic[train])) < 2:
            return None
        scores[test] = model.fit(table[train], synthetic[train]).predict_proba(table[test])[:, 1]
    return scores
