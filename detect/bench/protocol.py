"""Who is kept apart from whom: four settings, from what flatters to what a new clip meets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...core.random import generator
from ...datasets.index import folds
from .figures import figures
from .learning import Clip, Trained, train

FOLDS = 5
SETTINGS = {
    "in-domain": "clips of the same people, recordings and generators in training",
    "leave one identity out": "people and recordings that training never met",
    "leave one generator out": "a generator that training never met, people known",
    "leave both out": "neither the people nor the generator were met in training",
}

Split = tuple[str, np.ndarray, np.ndarray]  # generator that is kept apart or "", training clips, clips to judge


def splits(clips: Sequence[Clip], setting: str, seed: int) -> Iterator[Split]:
    """The trainings of a setting; none where fewer than two generators leave nothing to train on."""
    entries = [clip.entry for clip in clips]
    made_by = np.array([entry.generator for entry in entries])
    generators = sorted({name for name in made_by if name})
    by_person = np.array(folds(entries, FOLDS, salt=f"bench {seed}"))
    by_clip = np.argsort(generator(seed, "bench clips").permutation(len(clips))) % FOLDS
    fold = by_clip if setting in ("in-domain", "leave one generator out") else by_person
    if setting in ("in-domain", "leave one identity out"):
        for number in range(FOLDS):
            yield "", fold != number, fold == number
    elif len(generators) > 1:
        for name in generators:
            for number in range(FOLDS):
                yield name, (fold != number) & (made_by != name), (fold == number) & np.isin(made_by, ["", name])


def hold_out(
    clips: Sequence[Clip], names: Sequence[str], setting: str, seed: int, done: Callable[[], None]
) -> list[tuple[str, Trained, np.ndarray]]:
    """For every split the generator kept apart, the panel trained without, and the positions of clips to judge."""
    held = []
    for apart, training, test in splits(clips, setting, seed):
        panel = train([clips[i] for i in np.flatnonzero(training)], names, seed)
        held.append((apart, panel, np.flatnonzero(test)))
        done()
    return held


def judged(
    clips: Sequence[Clip], held: Sequence[tuple[str, Trained, np.ndarray]], variant: str | None = None
) -> dict[str, np.ndarray]:
    """Scores (n,) of the panel and each detector by panels that kept the clip apart, NaN where they abstain.

    Where several did (a genuine clip, apart from every generator in turn), their mean.
    """
    names = held[0][1].fusion.names
    given: dict[str, list[list[float]]] = {name: [[] for _ in clips] for name in ("panel", *names)}
    for _, panel, test in held:
        for i in test:
            if variant and variant not in clips[i].variants:
                continue
            odds = panel.odds(clips[i], variant)
            given["panel"][i].append(panel.score(odds))
            for name, value in zip(names, odds, strict=True):
                given[name][i].append(1 / (1 + np.exp(-value)))
    return {name: np.array([np.mean(each) if each else np.nan for each in lists]) for name, lists in given.items()}


def matrix(
    clips: Sequence[Clip], names: Sequence[str], seed: int, done: Callable[[], None]
) -> tuple[dict[str, Any], list[tuple[str, Trained, np.ndarray]]]:
    """Figures by setting and detector, and the panels that met none of the people they judge."""
    synthetic = np.array([clip.entry.synthetic for clip in clips])
    people = np.array([clip.entry.identity for clip in clips])
    made_by = np.array([clip.entry.generator for clip in clips])
    told: dict[str, Any] = {}
    unmet: list[tuple[str, Trained, np.ndarray]] = []
    for setting in SETTINGS:
        held = hold_out(clips, names, setting, seed, done)
        if not held:
            told[setting] = "not estimable: one generator"
            continue
        scores = judged(clips, held)
        told[setting] = {name: figures(score, synthetic, people, seed) for name, score in scores.items()}
        if setting.endswith(("generator out", "both out")):
            told[setting]["by generator"] = {}
            for name in sorted(set(made_by) - {""}):
                own = np.isin(made_by, ["", name])
                of_it = figures(scores["panel"][own], synthetic[own], people[own], seed)
                told[setting]["by generator"][name] = of_it
        if setting == "leave one identity out":
            unmet = held
            told["weights in the fusion"] = {
                name: round(float(np.mean([panel.fusion.weights[column] for _, panel, _ in held])), 3)
                for column, name in enumerate(names)
            }
    return told, unmet


def drift(
    clips: Sequence[Clip], held: Sequence[tuple[str, Trained, np.ndarray]], variants: Sequence[str], seed: int
) -> dict[str, Any]:
    """Of each variant the panel's AUC, and false alarms and finds at thresholds fixed on standard clips.

    The threshold of each panel is that of its strong evidence, fixed before the variant is seen.
    """
    synthetic = np.array([clip.entry.synthetic for clip in clips])
    people = np.array([clip.entry.identity for clip in clips])
    told = {}
    for variant in (None, *variants):
        scores, hits = np.full(len(clips), np.nan), np.full(len(clips), np.nan)
        for _, panel, test in held:
            threshold = panel.fusion.calibration.thresholds["strong"]
            for i in test:
                if variant is None or variant in clips[i].variants:
                    scores[i] = panel.score(panel.odds(clips[i], variant))
                    hits[i] = np.nan if np.isnan(scores[i]) else scores[i] >= threshold
        there = np.array([variant is None or variant in clip.variants for clip in clips])
        both = figures(scores[there], synthetic[there], people[there], seed)
        told[variant or "standard"] = {
            "AUC": both["AUC"],
            "AUC 95 % interval over people": both.get("AUC 95 % interval over people"),
            "abstained": both["abstained"],
            "false alarms at strong": mean_of(hits[~synthetic]),
            "found at strong": mean_of(hits[synthetic]),
        }
    return told


def moved(clips: Sequence[Clip], held: Sequence[tuple[str, Trained, np.ndarray]], unmarked: str) -> dict[str, Any]:
    """What a watermark does to the scores of genuine clips: each with it against the same clip without."""
    pairs: list[tuple[float, float]] = []
    alarms: list[tuple[bool, bool]] = []
    for _, panel, test in held:
        threshold = panel.fusion.calibration.thresholds["strong"]
        for i in test:
            if unmarked in clips[i].variants and not clips[i].entry.synthetic:
                both = tuple(panel.score(panel.odds(clips[i], variant)) for variant in (None, unmarked))
                if np.isfinite(both).all():
                    pairs.append((both[0], both[1]))
                    alarms.append((both[0] >= threshold, both[1] >= threshold))
    if not pairs:
        return {"clips": 0}
    change = np.array([with_mark - without for with_mark, without in pairs])
    return {
        "clips": len(pairs),
        "mean change of the score": round(float(change.mean()), 4),
        "largest change": round(float(np.abs(change).max()), 4),
        "false alarms at strong, marked": mean_of(np.array([one for one, _ in alarms], float)),
        "false alarms at strong, unmarked": mean_of(np.array([other for _, other in alarms], float)),
    }


def mean_of(values: np.ndarray) -> float | None:
    """Of what is finite among (n,); None if nothing is."""
    values = values[np.isfinite(values)]
    return round(float(values.mean()), 4) if len(values) else None
