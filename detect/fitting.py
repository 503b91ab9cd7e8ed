"""Fitting the residual detector to a corpus: a logistic model of clip means, calibrated on people held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.progress import Progress, Report, silent
from ..datasets.index import Entry, folds, read_index
from .calibration import Calibration, balance
from .detectors.features import NAMES
from .detectors.residual import LEAST_ROWS, ResidualModel, standardise
from .measures import Measures, measure, read_measures

INNER = 4  # folds
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of the penalty's inverse; the smallest within noise of the best wins
CONTROL_SHARE = 0.3  # of the weight of all clips that are not synthetic

USED = tuple(
    name
    for name in NAMES
    if name.startswith(("mouth-face.", "skin.", "lips-skin.")) and not name.startswith("skin-still.")
)
"""What the shipped model looks at. Left out are measures by which a photograph's studio, camera or background shows."""


@dataclass(frozen=True)
class Corpus:
    """Clips with enough to see: entries, clip means of all measures (n, len(NAMES)) and of their rows."""

    entries: tuple[Entry, ...]
    rows: tuple[np.ndarray, ...]
    container: np.ndarray

    def __len__(self) -> int:
        return len(self.entries)

    def take(self, chosen: np.ndarray) -> Corpus:
        where = np.flatnonzero(chosen)
        return Corpus(tuple(self.entries[i] for i in where), tuple(self.rows[i] for i in where), self.container[where])

    @property
    def kinds(self) -> np.ndarray:
        return np.array([entry.label for entry in self.entries])

    @property
    def synthetic(self) -> np.ndarray:
        return self.kinds == "synthetic"

    @property
    def people(self) -> np.ndarray:
        return np.array([entry.identity for entry in self.entries])


def load(index: str | Path, progress: Report = silent) -> tuple[Corpus, dict[str, int]]:
    """The clips of an index with their measures, and how many of each kind show too little of a face to be scored.

    Measures are read from `measures.npz` beside the index; without that file every video is measured now.

    Raises:
        InputError: "bad_index", "bad_measures", and what `measure` raises.
    """
    index = Path(index)
    entries, kept = read_index(index), index.with_name("measures.npz")
    known = read_measures(kept) if kept.is_file() else None
    seen: list[tuple[Entry, Measures]] = []
    left_out: dict[str, int] = {}
    for number, entry in enumerate(entries):
        if known is not None and entry.video not in known:
            raise InputError("bad_measures", f"{kept} does not know {entry.video!r}.", "Measure the corpus again.")
        measures = measure(index.parent / entry.video) if known is None else known[entry.video]
        if len(measures.rows) >= LEAST_ROWS:
            seen.append((entry, measures))
        else:
            left_out[entry.label] = left_out.get(entry.label, 0) + 1
        progress(Progress("measure clips", number + 1, len(entries), "clips"))
    if not seen:
        raise InputError("bad_index", f"{index} holds no clip with a face that can be measured.")
    entries, measured = zip(*seen, strict=True)
    return Corpus(entries, tuple(m.rows for m in measured), np.array([m.container for m in measured])), left_out


Fitted = tuple[np.ndarray, np.ndarray, np.ndarray, float]  # mean, scale, weights, bias


def fit(corpus: Corpus, names: Sequence[str], strength: float) -> Fitted:
    """A logistic model of clip means, kinds and people weighing the same."""
    from sklearn.linear_model import LogisticRegression

    columns = [NAMES.index(name) for name in names]
    weights = weigh(corpus)
    counts = np.array([np.isfinite(rows[:, columns]).sum(0) for rows in corpus.rows])
    means = np.array([np.nan_to_num(rows[:, columns]).sum(0) for rows in corpus.rows]) / np.maximum(counts, 1)
    seen = (counts > 0) * weights.reshape(-1, 1)
    whole = np.maximum(seen.sum(0), 1e-12)
    mean = (means * seen).sum(0) / whole
    scale = np.sqrt(((means - mean) ** 2 * seen).sum(0) / whole) + 1e-6
    inputs = np.array([standardise(rows[:, columns], mean, scale).mean(0) for rows in corpus.rows])
    model = LogisticRegression(C=strength, max_iter=5000)
    model.fit(inputs, corpus.synthetic, sample_weight=weights * len(corpus))
    return mean, scale, model.coef_[0], float(np.ravel(model.intercept_)[0])


def apply(fitted: Fitted, corpus: Corpus, names: Sequence[str]) -> np.ndarray:
    """Raw scores (n,) of clips."""
    mean, scale, weights, bias = fitted
    columns = [NAMES.index(name) for name in names]
    return np.array([standardise(rows[:, columns], mean, scale).mean(0) @ weights for rows in corpus.rows]) + bias


def held_out(corpus: Corpus, names: Sequence[str], strength: float, fold: np.ndarray) -> np.ndarray:
    """Raw scores (n,), each by a model that met neither the person nor the recording."""
    raw = np.empty(len(corpus))
    for number in np.unique(fold):
        test = fold == number
        raw[test] = apply(fit(corpus.take(~test), names, strength), corpus.take(test), names)
    return raw


def fit_calibrated(corpus: Corpus, names: Sequence[str], seed: int) -> ResidualModel:
    """The model on all clips, its penalty chosen and its statements calibrated on inner folds."""
    fold = np.array(folds(corpus.entries, INNER, salt=f"inner {seed}"))
    trials = {strength: held_out(corpus, names, strength, fold) for strength in STRENGTHS}
    scores = {strength: auc(raw, corpus) for strength, raw in trials.items()}
    strength = min(s for s in STRENGTHS if scores[s] >= max(scores.values()) - 0.01)
    counted = corpus.kinds != "control"
    calibration = Calibration.fit(trials[strength][counted], corpus.synthetic[counted], corpus.people[counted])
    mean, scale, weights, bias = fit(corpus, names, strength)
    model = ResidualModel(tuple(names), mean, scale, weights, bias, calibration, np.inf)
    far = 1.1 * max(model.distance(rows) for rows in corpus.rows)
    return ResidualModel(tuple(names), mean, scale, weights, bias, calibration, far)


def weigh(corpus: Corpus) -> np.ndarray:
    """Weights that sum to 1: half for synthetic clips, half for the others, controls taking their share of that."""
    kinds = corpus.kinds
    weights = balance(kinds, corpus.people)
    shares = {"synthetic": 0.5, "genuine": 0.5, "control": 0.0}
    if "control" in kinds:
        shares |= {"genuine": 0.5 * (1 - CONTROL_SHARE), "control": 0.5 * CONTROL_SHARE}
    return weights * np.array([shares[kind] for kind in kinds]) * len(np.unique(kinds))


def duels(raw: np.ndarray, kinds: np.ndarray, people: np.ndarray) -> np.ndarray:
    """For each genuine person (rows) and synthetic one (columns): how often the latter's clips score higher."""

    def pools(kind: str) -> list[np.ndarray]:
        return [raw[(kinds == kind) & (people == person)] for person in np.unique(people[kinds == kind])]

    def won(low: np.ndarray, high: np.ndarray) -> float:
        difference = high[None] - low[:, None]
        return float(((difference > 0) + 0.5 * (difference == 0)).mean())

    return np.array([[won(low, high) for high in pools("synthetic")] for low in pools("genuine")])


def auc(raw: np.ndarray, corpus: Corpus) -> float:
    """Area under the ROC curve of genuine against synthetic clips, every person weighing the same."""
    return float(duels(raw, corpus.kinds, corpus.people).mean())
