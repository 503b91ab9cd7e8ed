"""Looking for short cuts: what tells the kinds of clips apart that has nothing to do with synthesis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .detectors.features import NAMES
from .fitting import Corpus, auc, held_out, weigh
from .measures import CONTAINER

PARTS = ("around.", "still.", "face.", "mouth.", "mouth-face.", "face-around.", "skin.", "lips-skin.")
"""Parts of the measures that are judged alone; what looks at the face's surroundings should tell little."""


def container_auc(corpus: Corpus, fold: np.ndarray | None, columns: Sequence[str]) -> float:
    """What size, rate, dimensions and length give away: a logistic model of them alone, on people held out.

    Without folds it is judged on the clips it was fitted to: the most that there is to be learned.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs = np.log(corpus.container[:, [CONTAINER.index(name) for name in columns]] + 1e-9)
    raw = np.empty(len(corpus))
    for number in [None] if fold is None else np.unique(fold):
        test = np.ones(len(corpus), bool) if fold is None else fold == number
        train = test if fold is None else ~test
        model = make_pipeline(StandardScaler(), LogisticRegression())
        weights = weigh(corpus.take(train)) * train.sum()
        model.fit(inputs[train], corpus.synthetic[train], logisticregression__sample_weight=weights)
        raw[test] = model.decision_function(inputs[test])
    return auc(raw, corpus)


def part_auc(corpus: Corpus, part: str, fold: np.ndarray) -> float:
    """What one part of the measures gives alone; those that the shipped model does not use show what else differs."""
    names = [name for name in NAMES if name.startswith(part)]
    return auc(held_out(corpus, names, 0.03, fold), corpus)


def marked_auc(scores: np.ndarray, corpus: Corpus, marked: bool) -> float:
    chosen = np.array([entry.marked == marked for entry in corpus.entries])
    return auc(scores[chosen], corpus.take(chosen))
