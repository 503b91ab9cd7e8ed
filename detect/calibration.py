"""From a raw score to statements that hold: a calibrated score, a rate of false alarms, a level of evidence in words.

The rate is conformal and counts people, not clips: of K people whose genuine clips were held out, each contributes the
share of their clips that scored as high, and the person in question is counted as one that did. A clip of a new person
drawn like those exceeds its own rate no more often than the rate says (two-layer conformal prediction: Dunn, Wasserman
and Ramdas, "Distribution-free prediction sets for two-layer hierarchical models", JASA 2023). The least rate that K
people can support is therefore 1 / (K + 1): few people, modest claims.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SOME_PER_100 = 20.0  # up to here a score counts as "some" evidence


@dataclass(frozen=True)
class Calibration:
    """How scores of genuine and synthetic clips lie, as measured on people held out.

    Attributes:
        slope, offset: Platt's logistic map from a raw score to [0, 1], both kinds of clips equally likely beforehand.
        genuine: (n,) raw scores of genuine clips, ascending.
        weights: (n,) share of its person's clips that each is; they sum to the number of people.
    """

    slope: float
    offset: float
    genuine: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, raw: np.ndarray, synthetic: np.ndarray, identities: np.ndarray) -> Calibration:
        """From raw scores (n,) of held-out clips, whether each is synthetic (n,), and whom it shows."""
        from sklearn.linear_model import LogisticRegression

        weights = balance(synthetic, identities)
        platt = LogisticRegression(C=1e3).fit(raw[:, None], synthetic, sample_weight=weights * len(raw))
        people, person = np.unique(identities[~synthetic], return_inverse=True)
        order = np.argsort(raw[~synthetic])
        share = 1 / np.bincount(person, minlength=len(people))[person]
        return cls(
            max(
                float(platt.coef_[0, 0]), 1e-6
            ),  # where nothing was learned the slope may come out below 0: it is noise
            float(platt.intercept_[0]),
            raw[~synthetic][order].astype(np.float64),
            share[order],
        )

    def score(self, raw: np.ndarray | float) -> np.ndarray:
        """Raw scores → [0, 1]."""
        return 1 / (1 + np.exp(-np.clip(self.slope * np.asarray(raw) + self.offset, -30, 30)))

    def false_alarms_per_100(self, raw: float) -> float:
        """Of 100 genuine clips of people like those held out, at most about so many score `raw` or more."""
        people = self.weights.sum()
        as_high = self.weights[np.searchsorted(self.genuine, raw, side="left") :].sum()
        return float(100 * (1 + as_high) / (1 + people))

    @property
    def least_per_100(self) -> float:
        """The lowest rate this calibration can support."""
        return float(100 / (1 + self.weights.sum()))

    def raw_at(self, per_100: float) -> float:
        """The lowest raw score whose rate of false alarms is at most `per_100`, or else the least there is."""
        people = self.weights.sum()
        allowed = max(0.0, per_100 / 100 * (1 + people) - 1) + 1e-9
        tails = np.cumsum(self.weights[::-1])[::-1]
        return float(np.nextafter(self.genuine[tails > allowed].max(initial=-np.inf), np.inf))

    @property
    def thresholds(self) -> dict[str, float]:
        """The score from which evidence of a single face is "some", and "strong"."""
        rates = {"some": SOME_PER_100, "strong": self.least_per_100}
        return {name: float(self.score(self.raw_at(rate))) for name, rate in rates.items()}


def level(false_alarms_per_100: float, least_per_100: float) -> str:
    """A rate of false alarms in words: "strong" (the lowest that can be claimed), "some" (to 20 in 100) or "little"."""
    if false_alarms_per_100 <= least_per_100 * 1.001:
        return "strong"
    return "some" if false_alarms_per_100 <= SOME_PER_100 else "little"


def balance(kinds: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Weights (n,) that sum to 1: all kinds (n,) weigh the same, and within a kind all people (n,)."""
    weights = np.zeros(len(kinds))
    present = np.unique(kinds)
    for kind in present:
        members = np.unique(people[kinds == kind])
        for person in members:
            chosen = (kinds == kind) & (people == person)
            weights[chosen] = 1 / len(present) / len(members) / chosen.sum()
    return weights
