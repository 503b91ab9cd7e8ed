"""Judging the residual detector on people it never met.

Judgement is nested. Each outer fold keeps some people and recordings apart; on the others the model is fitted, and
calibrated from inner folds alone, as the shipped one is on all. So every reported score, rate and level is of people
that neither the model nor its calibration has met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.progress import Progress, Report, silent
from ..core.random import generator
from ..datasets.index import folds
from .calibration import balance, level
from .detectors.residual import ResidualModel
from .fitting import Corpus, auc, duels, fit_calibrated
from .measures import CONTAINER
from .shortcuts import PARTS, container_auc, marked_auc, part_auc

OUTER, REPEATS = 5, 5  # folds, and drawings of them
BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Verdicts:
    """What each clip was given by a model that met neither its person nor its recording, and its fold."""

    scores: np.ndarray
    levels: np.ndarray
    fold: np.ndarray


def judge(corpus: Corpus, names: Sequence[str], seed: int, progress: Report = silent) -> dict[str, Any]:
    """Nested cross-validation over people and recordings: what the shipped recipe does on those it never met.

    Figures are means over `REPEATS` drawings of the folds; the interval covers the drawing of people and of folds.
    """
    rounds = []
    for number in range(REPEATS):
        rounds.append(_hold_out(corpus, names, seed + number))
        progress(Progress("judge on people held out", number + 1, REPEATS, "rounds"))
    draw = generator(seed, "bootstrap over people")
    spread = np.concatenate([_bootstrap(one.scores, corpus, draw) for one in rounds])

    def mean(figure: Callable[[Verdicts], float]) -> float:
        return round(float(np.mean([figure(one) for one in rounds])), 4)

    def share(kind: str, *levels: str) -> dict[str, float]:
        chosen = corpus.kinds == kind
        return {
            "share": mean(lambda one: _share(np.isin(one.levels, levels), chosen, corpus)),
            "clips": mean(lambda one: (np.isin(one.levels, levels) & chosen).sum()),
            "of": int(chosen.sum()),
        }

    counted = [kind for kind in ("genuine", "synthetic", "control") if kind in corpus.kinds]
    return {
        "AUC": mean(lambda one: auc(one.scores, corpus)),
        "AUC 95 % interval over people": [round(float(np.quantile(spread, q)), 4) for q in (0.025, 0.975)],
        "AUC of each drawing of folds": [round(auc(one.scores, corpus), 4) for one in rounds],
        "false alarms at strong": share("genuine", "strong"),
        "found at strong": share("synthetic", "strong"),
        "false alarms at some or strong": share("genuine", "some", "strong"),
        "found at some or strong": share("synthetic", "some", "strong"),
        "controls at strong": share("control", "strong") if "control" in counted else None,
        "Brier score": mean(lambda one: _brier(one.scores, corpus)),
        "AUC of marked clips": mean(lambda one: marked_auc(one.scores, corpus, True)),
        "AUC of unmarked clips": mean(lambda one: marked_auc(one.scores, corpus, False)),
        "AUC of the container alone": mean(lambda one: container_auc(corpus, one.fold, CONTAINER[1:])),
        "AUC of the container alone, on the very clips it was fitted to": round(
            container_auc(corpus, None, CONTAINER[1:]), 4
        ),
        "AUC of the container with its bit rate": mean(lambda one: container_auc(corpus, one.fold, CONTAINER)),
        "AUC of each part of the measures, used or not": {
            part: mean(lambda one, part=part: part_auc(corpus, part, one.fold)) for part in PARTS
        },
        "clips": {kind: int((corpus.kinds == kind).sum()) for kind in counted},
        "people": {kind: len(set(corpus.people[corpus.kinds == kind])) for kind in counted},
    }


def _hold_out(corpus: Corpus, names: Sequence[str], seed: int) -> Verdicts:
    """One drawing of outer folds."""
    fold = np.array(folds(corpus.entries, OUTER, salt=f"outer {seed}"))
    scores, levels = np.empty(len(corpus)), np.empty(len(corpus), "U12")
    for number in range(OUTER):
        model = fit_calibrated(corpus.take(fold != number), names, seed)
        for i in np.flatnonzero(fold == number):
            raw = float(model.raw(corpus.rows[i]).mean())
            scores[i] = model.calibration.score(raw)
            rate = model.calibration.false_alarms_per_100(raw)
            levels[i] = level(rate, model.calibration.least_per_100)
    return Verdicts(scores, levels, fold)


def confront(corpus: Corpus, model: ResidualModel) -> dict[str, dict[str, Any]]:
    """What a finished model says of clips that had no part in its making, genuine ones and each generator's.

    Returns:
        For "genuine", "control" and every generator: clips, people, abstentions, mean score, and of the clips that are
        scored the shares at each level; for generators the AUC against the genuine clips, too.
    """
    raw = np.array([float(model.raw(rows).mean()) for rows in corpus.rows])
    outside = np.array([model.distance(rows) > model.far for rows in corpus.rows])
    rates = [model.calibration.false_alarms_per_100(one) for one in raw]
    levels = np.array([level(rate, model.calibration.least_per_100) for rate in rates])
    groups = np.array([entry.generator or entry.label for entry in corpus.entries])
    said = {}
    for group in np.unique(groups):
        chosen, scored = groups == group, (groups == group) & ~outside
        said[str(group)] = {
            "clips": int(chosen.sum()),
            "people": len(set(corpus.people[chosen])),
            "abstained": int((chosen & outside).sum()),
            "mean score": round(float(model.calibration.score(raw[scored]).mean()), 3) if scored.any() else None,
            **{
                word: round(_share(levels == word, scored, corpus), 4) if scored.any() else None
                for word in ("strong", "some", "little")
            },
        }
        against = (groups == "genuine") & ~outside
        if group not in ("genuine", "control") and scored.any() and against.any():
            both = corpus.take(scored | against)
            said[str(group)]["AUC"] = round(auc(raw[scored | against], both), 4)
    return said


def _bootstrap(scores: np.ndarray, corpus: Corpus, draw: np.random.Generator) -> np.ndarray:
    """AUCs with people drawn again, all their clips with them."""
    won = duels(scores, corpus.kinds, corpus.people)
    genuine, synthetic = (draw.integers(count, size=(BOOTSTRAPS // REPEATS, count)) for count in won.shape)
    return np.array([won[np.ix_(*drawn)].mean() for drawn in zip(genuine, synthetic, strict=True)])


def _share(hits: np.ndarray, of: np.ndarray, corpus: Corpus) -> float:
    """The share of clips, every person weighing the same."""
    return float(np.mean([hits[of & (corpus.people == person)].mean() for person in np.unique(corpus.people[of])]))


def _brier(score: np.ndarray, corpus: Corpus) -> float:
    keep = corpus.kinds != "control"
    weights = balance(corpus.kinds[keep], corpus.people[keep])
    return float(np.sum(weights * (score[keep] - corpus.synthetic[keep]) ** 2))
