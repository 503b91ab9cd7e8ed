"""Several detectors into one statement: stacked logistic regression over their calibrated log-odds, calibrated again.

A detector that abstains adds nothing, and one that would have to be believed the less the surer it is (a weight below
0) has learned nothing that holds on other people: it is given weight 0 and stays a witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import AssetError
from .calibration import Calibration, balance

LIMIT = 6.0  # of log-odds: no detector decides alone
STRENGTH = 1.0  # inverse of the penalty on weights


@dataclass(frozen=True)
class Fusion:
    """How detectors are weighed.

    Attributes:
        names: (d,) of the detectors.
        weights: (d,) of their log-odds, none below 0.
        calibration: of the weighed sum.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    calibration: Calibration

    @classmethod
    def fit(
        cls, names: Sequence[str], odds: np.ndarray, synthetic: np.ndarray, identities: np.ndarray
    ) -> tuple[Fusion, np.ndarray]:
        """From what detectors said of people they never met.

        Args:
            names: (d,).
            odds: (n, d) log-odds of `log_odds`, NaN where a detector abstained; rows of nothing else do not count.
            synthetic: (n,) whether each clip is.
            identities: (n,) whom it shows.

        Returns:
            The fusion, and its raw sums (n,), NaN where all abstained.
        """
        spoke = np.isfinite(odds).any(1)
        given = np.nan_to_num(odds)
        weights = _weights(given[spoke], synthetic[spoke], identities[spoke])
        raw = given @ weights
        calibration = Calibration.fit(raw[spoke], synthetic[spoke], identities[spoke])
        return cls(tuple(names), weights, calibration), np.where(spoke, raw, np.nan)

    def raw(self, odds: np.ndarray) -> np.ndarray:
        """Log-odds (…, d), NaN where a detector is silent → weighed sums (…)."""
        return np.nan_to_num(odds) @ self.weights

    def save(self, path: Path) -> None:
        from safetensors.numpy import save_file

        own = self.calibration
        tensors = {"weights": self.weights, "genuine": own.genuine, "genuine_weights": own.weights}
        tensors["scalars"] = np.array([own.slope, own.offset])
        metadata = {"names": ",".join(self.names)}
        save_file({name: np.ascontiguousarray(t, np.float64) for name, t in tensors.items()}, path, metadata=metadata)

    @classmethod
    def read(cls, path: Path) -> Fusion:
        """Raises AssetError `weights_missing`."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "np") as file:
                names, t = file.metadata()["names"], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise AssetError("weights_missing", f"{path} cannot be read: {error}.", "Reinstall facewright.") from error
        slope, offset = t["scalars"]
        calibration = Calibration(float(slope), float(offset), t["genuine"], t["genuine_weights"])
        return cls(tuple(names.split(",")), t["weights"], calibration)


def log_odds(scores: np.ndarray | float) -> np.ndarray:
    """Scores in [0, 1] → log-odds within ± `LIMIT`; NaN stays."""
    scores = np.clip(np.asarray(scores, float), 1e-9, 1 - 1e-9)
    return np.clip(np.log(scores / (1 - scores)), -LIMIT, LIMIT)


def _weights(odds: np.ndarray, synthetic: np.ndarray, identities: np.ndarray) -> np.ndarray:
    """Logistic regression with people and kinds weighing the same; what comes out below 0 is left out."""
    from sklearn.linear_model import LogisticRegression

    chosen = np.ones(odds.shape[1], bool)
    weights = np.zeros(odds.shape[1])
    balanced = balance(synthetic, identities) * len(odds)
    while chosen.any():
        model = LogisticRegression(C=STRENGTH).fit(odds[:, chosen], synthetic, sample_weight=balanced)
        found = model.coef_[0]
        if (found >= 0).all():
            weights[chosen] = found
            break
        chosen[np.flatnonzero(chosen)[found < 0]] = False
    return weights
