"""The whole bench: measure, train without, judge; and finished detectors against other generators."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.progress import Progress, Report, silent
from ...datasets.index import Entry, folds, read_index
from ..calibration import level
from ..detector import Detector
from ..detectors.lipsync import LipSyncDetector
from ..measures import CONTAINER
from ..panel import shipped
from ..shortcuts import container_auc
from .clips import PERTURBED, QUALITIES, STANDARD_VARIANT, UNMARKED, Excerpt, Variant, open_windows
from .figures import figures
from .learning import INNER, LEARNERS, Clip, Trained, corpus_of, listen, train
from .measuring import Seen, measure_all
from .protocol import FOLDS, SETTINGS, drift, matrix, mean_of, moved, splits

QUICK = tuple(variant for variant in PERTURBED if variant.level == 3)
WINDOWS = 3  # of a genuine video


def run(
    index: str | Path,
    *,
    names: Sequence[str] = tuple(LEARNERS),
    confront: str | Path | None = None,
    quick: bool = False,
    sweep: bool = True,
    seed: int = 0,
    progress: Report = silent,
) -> dict[str, Any]:
    """Judge detectors and their panel by the protocol of docs/explanation/detection.md.

    Args:
        index: genuine and synthetic clips; what is measured is kept beside it, in `INDEX.measured`.
        names: `residual` and `temporal` are trained anew without those they judge; others are taken as they ship, and
            may have met the people of the index.
        confront: index of clips of other people and generators, which a panel trained on all of `index` is asked about.
        quick: one level of each perturbation instead of five.
        sweep: whether to measure clips without a mark, under compression, and perturbed.
        seed: of folds and draws.

    Returns:
        Figures as docs/reference/benchmarks.md names them.

    Raises:
        InputError: `bad_index` for too few people, or people in both indexes.
        AssetError: weights of a detector that is taken as it ships are missing.
    """
    index = Path(index)
    entries = [entry for entry in read_index(index) if not entry.control]
    _check(entries, seed)
    changes = (*QUALITIES, *(QUICK if quick else PERTURBED))
    variants = [STANDARD_VARIANT, UNMARKED, *changes] if sweep else [STANDARD_VARIANT]
    fixed = {name: shipped(name) for name in names if name not in LEARNERS}
    clips = open_clips(entries, index, variants, fixed, progress)
    generators = len({entry.generator for entry in entries if entry.generator})
    rounds = FOLDS * (2 + 2 * generators * (generators > 1))
    count = 0

    def done() -> None:
        nonlocal count
        count += 1
        progress(Progress("train and judge", count, rounds, "trainings"))

    told, unmet = matrix(clips, names, seed, done)
    changed = [variant.name for variant in variants[2:]]
    result: dict[str, Any] = {
        "index": index.name,
        "seed": seed,
        "detectors": list(names),
        "settings": told,
        "container alone": _container(clips, seed),
        "watermark": moved(clips, unmet, UNMARKED.name),
        "under change": drift(clips, unmet, changed, seed),
        "curves": _curves(clips, unmet),
        "clips left out": sorted(clip.entry.video for clip in clips if not clip.seen.rows),
    }
    if confront:
        result["confrontation"] = _confront(clips, names, Path(confront), fixed, seed, progress)
    return result


def _check(entries: Sequence[Entry], seed: int) -> None:
    """Say at once, not after hours, where there are too few people for the trainings to come.

    Raises:
        InputError: `bad_index`.
    """
    for setting in SETTINGS:
        for _, training, _ in splits([Clip(entry, Seen()) for entry in entries], setting, seed):
            folds([entries[i] for i in np.flatnonzero(training)], INNER)


def open_clips(
    entries: Sequence[Entry],
    index: Path,
    variants: Sequence[Variant],
    fixed: dict[str, Detector],
    progress: Report = silent,
    most: int = WINDOWS,
) -> list[Clip]:
    """Measured clips of an index, up to `most` of a genuine video; variants besides the first by name."""
    windows = open_windows(list(entries), index.parent, most)
    lips = fixed.get("lipsync")
    others = [detector for name, detector in fixed.items() if name != "lipsync"]
    seen = measure_all(windows, variants, index.with_name(f"{index.name}.measured"), others, progress)

    def complete(one: Seen, window: Any) -> Seen:
        if not isinstance(lips, LipSyncDetector):
            return one
        odds = listen(one, lips.model, Excerpt(window.path, window.start))
        return Seen(one.rows, {**one.odds, "lipsync": odds}, one.container)

    return [
        Clip(
            window.entry,
            complete(seen[variants[0].name][window.entry.video], window),
            {
                variant.name: complete(seen[variant.name][window.entry.video], window)
                for variant in variants[1:]
                if window.entry.video in seen[variant.name]
            },
        )
        for window in windows
    ]


def _container(clips: Sequence[Clip], seed: int) -> dict[str, float]:
    """AUC of what the container tells, on people held out."""
    corpus = corpus_of(clips, np.array([bool(clip.seen.rows) for clip in clips]), "residual")
    fold = np.array(folds(corpus.entries, FOLDS, salt=f"bench {seed}"))
    return {
        "with its bit rate": round(container_auc(corpus, fold, CONTAINER), 4),
        "without": round(container_auc(corpus, fold, CONTAINER[1:]), 4),
    }


def _curves(clips: Sequence[Clip], held: Sequence[tuple[str, Trained, np.ndarray]]) -> dict[str, list[float]]:
    """Held-out scores of the panel by kind, for plots."""
    scores: dict[str, list[float]] = {"genuine": [], "synthetic": []}
    for _, panel, test in held:
        for i in test:
            score = panel.score(panel.odds(clips[i]))
            if np.isfinite(score):
                scores[clips[i].entry.label].append(round(score, 4))
    return scores


def _confront(
    clips: Sequence[Clip], names: Sequence[str], index: Path, fixed: dict[str, Detector], seed: int, progress: Report
) -> dict[str, Any]:
    """A panel trained on all clips asked about people and generators that had no part in it, by generator."""
    entries = [entry for entry in read_index(index) if not entry.control]
    if both := {entry.identity for entry in entries} & {clip.entry.identity for clip in clips}:
        raise InputError("bad_index", f"{sorted(both)} stand in {index} as well.")
    unknown = open_clips(entries, index, [STANDARD_VARIANT], fixed, progress, most=1)
    panel = train(clips, names, seed)
    odds = np.array([panel.odds(clip) for clip in unknown])
    scores = {"panel": np.array([panel.score(each) for each in odds])}
    scores |= {name: 1 / (1 + np.exp(-odds[:, column])) for column, name in enumerate(names)}
    synthetic = np.array([clip.entry.synthetic for clip in unknown])
    people = np.array([clip.entry.identity for clip in unknown])
    groups = np.array([clip.entry.generator or "genuine" for clip in unknown])
    calibration = panel.fusion.calibration
    rates = [calibration.false_alarms_per_100(float(panel.fusion.raw(each))) for each in odds]
    levels = np.array([level(rate, calibration.least_per_100) for rate in rates])
    weights = dict(zip(names, panel.fusion.weights.round(3).tolist(), strict=True))
    told: dict[str, Any] = {"weights in the fusion": weights}
    for group in sorted(set(groups), key=lambda name: (name != "genuine", name)):
        own = groups == group
        spoke = own & np.isfinite(scores["panel"])
        told[group] = {
            "clips": int(own.sum()),
            "people": len(set(people[own])),
            "abstained": int((own & ~spoke).sum()),
            **{word: mean_of(levels[spoke] == word) for word in ("strong", "some")},
        }
        if group != "genuine":
            chosen = np.isin(groups, ["genuine", group])
            told[group]["AUC"] = {
                name: figures(score[chosen], synthetic[chosen], people[chosen], seed)["AUC"]
                for name, score in scores.items()
            }
    return told
