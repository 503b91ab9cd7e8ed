"""Figures of merit of scores, people weighing the same where that can be: what a table of a bench holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.random import generator
from ..calibration import balance
from ..fitting import duels

BOOTSTRAPS = 1000
BINS = 15
ESTIMABLE = 100  # genuine clips below which a rate of 1 in 100 cannot be measured


def figures(score: np.ndarray, synthetic: np.ndarray, people: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """Of calibrated scores (n,), NaN where a detector abstained, of clips synthetic or not (n,) showing people (n,)."""
    spoke = np.isfinite(score)
    told: dict[str, Any] = {
        "clips": {"genuine": int((~synthetic).sum()), "synthetic": int(synthetic.sum())},
        "people": {kind: len(set(people[synthetic == made])) for kind, made in (("genuine", 0), ("synthetic", 1))},
        "abstained": {"genuine": int((~spoke & ~synthetic).sum()), "synthetic": int((~spoke & synthetic).sum())},
    }
    score, synthetic, people = score[spoke], synthetic[spoke], people[spoke]
    if len(set(synthetic)) < 2:
        return told | {"AUC": None}
    won = duels(score, np.where(synthetic, "synthetic", "genuine"), people)
    draw = generator(seed, "bootstrap over people")
    again = [won[np.ix_(*(draw.integers(count, size=count) for count in won.shape))].mean() for _ in range(BOOTSTRAPS)]
    return told | {
        "AUC": _round(won.mean()),
        "AUC 95 % interval over people": [_round(np.quantile(again, q)) for q in (0.025, 0.975)],
        "EER": _round(equal_error_rate(score, synthetic)),
        "TPR at 1 % FPR": _round(found_at(score, synthetic, 0.01))
        if (~synthetic).sum() >= ESTIMABLE
        else f"not estimable: {(~synthetic).sum()} genuine clips",
        "ECE": _round(calibration_error(score, synthetic)),
        "Brier score": _round(np.sum(balance(synthetic, people) * (score - synthetic) ** 2)),
        "risk at coverage": {f"{share:.0%}": _round(risk(score, synthetic, share)) for share in (1.0, 0.8, 0.5)},
    }


def roc(score: np.ndarray, synthetic: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of genuine and of synthetic clips at or above each threshold, from (0, 0) to (1, 1)."""
    steps = np.unique(score)[::-1]
    false = [0.0, *((score[~synthetic] >= step).mean() for step in steps)]
    true = [0.0, *((score[synthetic] >= step).mean() for step in steps)]
    return np.array(false), np.array(true)


def equal_error_rate(score: np.ndarray, synthetic: np.ndarray) -> float:
    """Where as many genuine clips are taken for synthetic as synthetic ones for genuine."""
    false, true = roc(score, synthetic)
    gap = false - (1 - true)
    after = int(np.argmax(gap >= 0))
    before = max(after - 1, 0)
    share = gap[before] / (gap[before] - gap[after]) if gap[after] != gap[before] else 0.0
    return float(false[before] + share * (false[after] - false[before]))


def found_at(score: np.ndarray, synthetic: np.ndarray, rate: float) -> float:
    """Share of synthetic clips found where at most `rate` of the genuine ones are taken for such."""
    false, true = roc(score, synthetic)
    return float(true[false <= rate].max())


def calibration_error(score: np.ndarray, synthetic: np.ndarray) -> float:
    """Mean distance of score and truth over `BINS` bins of as many clips each."""
    order = np.array_split(np.argsort(score, kind="stable"), min(BINS, len(score)))
    gaps = [abs(score[part].mean() - synthetic[part].mean()) * len(part) for part in order]
    return float(np.sum(gaps) / len(score))


def risk(score: np.ndarray, synthetic: np.ndarray, coverage: float) -> float:
    """Share of wrong answers among the surest `coverage` of clips."""
    sure = np.argsort(-np.abs(score - 0.5), kind="stable")[: max(1, round(coverage * len(score)))]
    return float(((score[sure] >= 0.5) != synthetic[sure]).mean())


def _round(value: float | np.floating) -> float:
    return round(float(value), 4)
