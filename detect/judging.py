"""Judging the residual detector on people it never met.

Judgement is nested. Each outer fold keeps some people and recordings apart; on the others the model is fitted, and
calibrated from inner folds alone, as the shipped one is on all. So every reported score, rate and level is of people
that neither the model nor its calibration has met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.progress import Progress, Report, silent
from ..core.random import generator
from ..datasets.index import folds
from .calibration import balance, level
from .detectors.features import NAMES
from .detectors.residual import ResidualModel
from .fitting import Corpus, auc, duels, fit_calibrated, held_out, weigh
from .measures import CONTAINER

OUTER = 5  # folds
BOOTSTRAPS = 2000


def judge(corpus: Corpus, names: Sequence[str], seed: int, progress: Report = silent) -> dict[str, Any]:
    """Nested cross-validation over people and recordings: what the shipped recipe does on those it never met."""
    fold = np.array(folds(corpus.entries, OUTER, salt=f"outer {seed}"))
    raw, score, levels = np.empty(len(corpus)), np.empty(len(corpus)), np.empty(len(corpus), "U12")
    for number in range(OUTER):
        test = fold == number
        model = fit_calibrated(corpus.take(~test), names, seed)
        for i in np.flatnonzero(test):
            raw[i] = float(model.raw(corpus.rows[i]).mean())
            score[i] = model.calibration.score(raw[i])
            rate = model.calibration.false_alarms_per_100(float(raw[i]))
            levels[i] = level(rate, model.calibration.least_per_100)
        progress(Progress("judge on people held out", number + 1, OUTER, "folds"))
    genuine, synthetic, control = (corpus.kinds == kind for kind in ("genuine", "synthetic", "control"))
    strong = levels == "strong"
    low, high = _interval(raw, corpus, seed)
    return {
        "AUC": round(auc(score, corpus), 4),
        "AUC 95 % interval over people": [round(low, 4), round(high, 4)],
        "false alarms at strong": _share(strong & genuine, genuine, corpus),
        "found at strong": _share(strong & synthetic, synthetic, corpus),
        "false alarms at some or strong": _share((levels != "little") & genuine, genuine, corpus),
        "found at some or strong": _share((levels != "little") & synthetic, synthetic, corpus),
        "controls at strong": _share(strong & control, control, corpus),
        "Brier score": round(_brier(score, corpus), 4),
        "AUC of the container alone": round(container_auc(corpus, fold, range(1, len(CONTAINER))), 4),
        "AUC of the container with its bit rate": round(container_auc(corpus, fold, range(len(CONTAINER))), 4),
        "AUC of marked clips": _marked_auc(score, corpus, True),
        "AUC of unmarked clips": _marked_auc(score, corpus, False),
        "AUC of other measures": {
            part: round(auc(held_out(corpus, _starting(part), 0.03, fold), corpus), 4)
            for part in ("around.", "still.", "face.", "mouth.", "mouth-face.", "face-around.", "skin.", "lips-skin.")
        },
        "clips": {kind: int((corpus.kinds == kind).sum()) for kind in np.unique(corpus.kinds)},
        "people": {kind: len(set(corpus.people[corpus.kinds == kind])) for kind in np.unique(corpus.kinds)},
    }


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
            **{word: _share(scored & (levels == word), scored, corpus) for word in ("strong", "some", "little")},
        }
        against = (groups == "genuine") & ~outside
        if group not in ("genuine", "control") and scored.any() and against.any():
            both = corpus.take(scored | against)
            said[str(group)]["AUC"] = round(auc(raw[scored | against], both), 4)
    return said


def container_auc(corpus: Corpus, fold: np.ndarray, columns: Sequence[int]) -> float:
    """What size, rate, dimensions and length give away: a logistic model of them alone, on people held out."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs = np.log(corpus.container[:, list(columns)] + 1e-9)
    raw = np.empty(len(corpus))
    for number in np.unique(fold):
        test = fold == number
        model = make_pipeline(StandardScaler(), LogisticRegression())
        weights = weigh(corpus.take(~test)) * (~test).sum()
        model.fit(inputs[~test], corpus.synthetic[~test], logisticregression__sample_weight=weights)
        raw[test] = model.decision_function(inputs[test])
    return auc(raw, corpus)


def _interval(raw: np.ndarray, corpus: Corpus, seed: int) -> tuple[float, float]:
    """95 % interval of the AUC, people drawn again with all their clips."""
    draw, won = generator(seed, "bootstrap over people"), duels(raw, corpus.kinds, corpus.people)
    genuine, synthetic = (draw.integers(count, size=(BOOTSTRAPS, count)) for count in won.shape)
    values = [won[np.ix_(*drawn)].mean() for drawn in zip(genuine, synthetic, strict=True)]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def _share(hits: np.ndarray, of: np.ndarray, corpus: Corpus) -> dict[str, Any]:
    """How many clips, of how many, and the share with every person weighing the same."""
    people = np.unique(corpus.people[of])
    shares = [hits[of & (corpus.people == person)].mean() for person in people]
    share = round(float(np.mean(shares)), 4) if len(people) else None
    return {"clips": int(hits.sum()), "of": int(of.sum()), "people": len(people), "share": share}


def _brier(score: np.ndarray, corpus: Corpus) -> float:
    keep = corpus.kinds != "control"
    weights = balance(corpus.kinds[keep], corpus.people[keep])
    return float(np.sum(weights * (score[keep] - corpus.synthetic[keep]) ** 2))


def _marked_auc(score: np.ndarray, corpus: Corpus, marked: bool) -> float | None:
    chosen = np.array([entry.marked == marked for entry in corpus.entries])
    part = corpus.take(chosen)
    both = {"genuine", "synthetic"} <= set(part.kinds)
    return round(auc(score[chosen], part), 4) if both else None


def _starting(part: str) -> list[str]:
    return [name for name in NAMES if name.startswith(part)]
