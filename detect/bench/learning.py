"""Panels trained anew without some people or generators: what a bench judges, and how the shipped panel is made.

Stacking is honest: a detector's log-odds on its own training clips come from inner folds, whose models met neither the
person nor the recording, and so do its calibration and the fusion's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...datasets.index import Entry, folds
from ..calibration import Calibration
from ..detector import Sound
from ..detectors.lipsync import LipSyncModel, confidence
from ..detectors.residual import LEAST_ROWS
from ..detectors.temporal import LEAST
from ..fitting import USED, Corpus, apply, fit
from ..fusion import Fusion, log_odds
from ..temporal_training import fit_temporal
from .measuring import Seen

INNER = 3  # folds
STRENGTH = 0.03  # inverse of the residual model's penalty

Score = Callable[[np.ndarray], float]


def fit_residual(corpus: Corpus, seed: int) -> Score:
    fitted = fit(corpus, USED, STRENGTH)
    none = corpus.container[:0]
    return lambda rows: float(apply(fitted, Corpus(corpus.entries[:1], (rows,), none), USED)[0])


def fit_sequence(corpus: Corpus, seed: int) -> Score:
    model = fit_temporal(corpus, seed)
    return lambda rows: float(model.raw(rows).mean())


LEARNERS: dict[str, tuple[Callable[[Corpus, int], Score], int]] = {
    "residual": (fit_residual, LEAST_ROWS),
    "temporal": (fit_sequence, LEAST),
}
"""Name → training on rows of that name in `Seen.rows`, and how many rows it needs to speak."""


@dataclass(frozen=True)
class Clip:
    """A clip of a bench: its line in the index, and what was seen of it, as it is and in other variants."""

    entry: Entry
    seen: Seen
    variants: dict[str, Seen] = field(default_factory=dict)

    def rows(self, name: str, variant: str | None = None) -> np.ndarray:
        return (self.variants[variant] if variant else self.seen).rows.get(name, np.empty((0, 0)))


@dataclass(frozen=True)
class Trained:
    """A panel trained on some clips: scores by name, each with its calibration, further detectors, and their fusion."""

    scores: dict[str, tuple[Score, Calibration]]
    fusion: Fusion

    def odds(self, clip: Clip, variant: str | None = None) -> np.ndarray:
        """Log-odds (d,) of each detector in the order of the fusion, NaN where it abstains."""
        return np.array([_odds(name, self.scores, clip, variant) for name in self.fusion.names])

    def score(self, odds: np.ndarray) -> float:
        """The panel's score, NaN where nobody whose word has weight speaks."""
        heard = np.isfinite(odds) & (self.fusion.weights > 0)
        return float(self.fusion.calibration.score(self.fusion.raw(odds))) if heard.any() else np.nan


def train(clips: Sequence[Clip], names: Sequence[str], seed: int) -> Trained:
    """A panel of `names`: those among `LEARNERS` trained on these clips, others taken as they are in `Seen.odds`."""
    entries = [clip.entry for clip in clips]
    inner = np.array(folds(entries, INNER, salt=f"inner {seed}"))
    synthetic = np.array([entry.synthetic for entry in entries])
    people = np.array([entry.identity for entry in entries])
    columns: list[np.ndarray] = []
    scores: dict[str, tuple[Score, Calibration]] = {}
    for name in names:
        if name not in LEARNERS:
            columns.append(np.array([_odds(name, {}, clip, None) for clip in clips]))
            continue
        learn, least = LEARNERS[name]
        seen = np.array([len(clip.rows(name)) >= least for clip in clips])
        raw = np.full(len(clips), np.nan)
        for number in range(INNER):
            held = learn(corpus_of(clips, seen & (inner != number), name), seed)
            for i in np.flatnonzero(seen & (inner == number)):
                raw[i] = held(clips[i].rows(name))
        calibration = Calibration.fit(raw[seen], synthetic[seen], people[seen])
        columns.append(np.where(seen, log_odds(calibration.score(raw)), np.nan))
        scores[name] = learn(corpus_of(clips, seen, name), seed), calibration
    fusion, _ = Fusion.fit(names, np.stack(columns, 1), synthetic, people)
    return Trained(scores, fusion)


def corpus_of(clips: Sequence[Clip], chosen: np.ndarray, name: str) -> Corpus:
    """The chosen clips with their rows of that name."""
    own = [clips[i] for i in np.flatnonzero(chosen)]
    container = np.array([clip.seen.container for clip in own])
    return Corpus(tuple(clip.entry for clip in own), tuple(clip.rows(name) for clip in own), container)


def listen(seen: Seen, model: LipSyncModel, sound: Sound) -> float:
    """Log-odds of the lip-sync detector, NaN where it abstains."""
    table = seen.rows.get("lipsync", np.empty((0, 9)))
    if len(table) < 2:
        return np.nan
    said = model.compare(table[:, 0], table[:, 1:], sound)
    return np.nan if isinstance(said, str) else float(log_odds(model.calibration.score(-confidence(said.whole))))


def _odds(name: str, scores: dict[str, tuple[Score, Calibration]], clip: Clip, variant: str | None) -> float:
    if name not in LEARNERS:
        return (clip.variants[variant] if variant else clip.seen).odds.get(name, np.nan)
    score, calibration = scores[name]
    rows = clip.rows(name, variant)
    return float(log_odds(calibration.score(score(rows)))) if len(rows) >= LEARNERS[name][1] else np.nan
