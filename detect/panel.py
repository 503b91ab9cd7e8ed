"""Several detectors as one: each is given frames at its own rate, and what they say is fused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module

import numpy as np

from ..core.weights import check, read_record
from .calibration import level
from .detector import Detector, Evidence, Observation, Sound, TrackReader
from .detectors.residual import WEIGHTS
from .fusion import Fusion, log_odds

SHIPPED = {
    "residual": "residual:ResidualDetector",
    "temporal": "temporal:TemporalDetector",
    "lipsync": "lipsync:LipSyncDetector",
    "blended": "blended:BlendedDetector",
}
"""Name → "module:class" in `detectors`, whose `shipped()` gives the one with the package's weights, where some ship."""
WITNESSES = ("lipsync",)  # of the default panel: asked and shown, weighed in no score
NEAR = 0.5  # s within which a moment of one detector speaks for a moment of another


def shipped(name: str) -> Detector:
    """The shipped detector of that name."""
    module, _, kind = SHIPPED[name].partition(":")
    return getattr(import_module(f".detectors.{module}", __package__), kind).shipped()


def named(name: str) -> Detector:
    """The shipped detector of that name, or the shipped panel."""
    return default() if name == Panel.name else shipped(name)


@cache
def default() -> Panel:
    """The panel that comes with the package.

    Raises:
        AssetError: `weights_missing`, `hash_mismatch`.
    """
    record = read_record(WEIGHTS / "panel.record.json")
    check(record)
    fusion = Fusion.read(record.files[0].path)
    about = {"How it works": record.architecture, "Trained on": record.data[0], "Tested": record.metrics["in words"]}
    return Panel([shipped(name) for name in (*fusion.names, *WITNESSES)], fusion, about)


class Panel:
    """`Detector` over several.

    Args:
        detectors: those that `fusion` weighs, and witnesses, which are asked and shown and change no score.
        fusion: of some or all of them, by name.
        about: as in `Detector`; what the members say of themselves is added.
    """

    name = "panel"

    def __init__(self, detectors: Sequence[Detector], fusion: Fusion, about: Mapping[str, str] | None = None) -> None:
        self.detectors = {detector.name: detector for detector in detectors}
        if missing := set(fusion.names) - set(self.detectors):
            raise ValueError(f"the fusion weighs {sorted(missing)}, which are not there")
        self.fusion = fusion
        self.fps = common_rate([detector.fps for detector in detectors])
        self.thresholds = fusion.calibration.thresholds
        self.about = dict(about or {})
        for detector in detectors:
            self.about |= {f"{detector.name}: {label.lower()}": text for label, text in detector.about.items()}

    def open(self, sound: Sound | None = None) -> PanelReader:
        return PanelReader(self, sound)

    def level(self, false_alarms_per_100: float) -> str:
        return level(false_alarms_per_100, self.fusion.calibration.least_per_100)

    def fuse(self, said: Mapping[str, Evidence]) -> Evidence:
        """What all said of one face into one evidence, theirs under details["detectors"]."""
        details = {"detectors": dict(said)}
        members = [said[name] for name in self.fusion.names]
        if reason := silence(members, self.fusion.weights):
            return Evidence.abstention(reason, details)
        calibration = self.fusion.calibration
        said_each = np.array([np.nan if one.score is None else one.score for one in members])
        raw = float(self.fusion.raw(log_odds(said_each)))
        times = max((one.times for one in members if one.score is not None), key=len)
        scores = (
            calibration.score(self.fusion.raw(np.stack([_at(times, one, part) for one in members], -1)))
            for part in ("scores", "low", "high")
        )
        return Evidence(
            float(calibration.score(raw)),
            None,
            calibration.false_alarms_per_100(raw),
            times,
            *(part.astype(np.float32) for part in scores),
            details=details,
        )


class PanelReader:
    def __init__(self, panel: Panel, sound: Sound | None) -> None:
        self._panel = panel
        self._readers: dict[str, TrackReader] = {name: one.open(sound) for name, one in panel.detectors.items()}
        self._due = dict.fromkeys(self._readers, -math.inf)

    def push(self, observation: Observation) -> None:
        for name, reader in self._readers.items():
            if observation.seconds >= self._due[name] - 0.25 / self._panel.fps:
                reader.push(observation)
                self._due[name] = observation.seconds + 1 / self._panel.detectors[name].fps

    def evidence(self) -> Evidence:
        return self._panel.fuse({name: reader.evidence() for name, reader in self._readers.items()})


def silence(members: Sequence[Evidence], weights: np.ndarray) -> str | None:
    """Why the panel abstains: the reason most given by those whose word has weight; None if one of them speaks."""
    heard = [one for one, weight in zip(members, weights, strict=True) if weight > 0]
    if any(one.score is not None for one in heard):
        return None
    reasons = [one.reason for one in heard if one.reason]
    return max(reasons, key=reasons.count) if reasons else "outside_conditions"


def common_rate(rates: Sequence[float]) -> float:
    """The lowest frame rate of which every one of `rates` (whole tenths) is a whole part.

    Raises:
        ValueError: it would be above 60.
    """
    tenths = math.lcm(*(round(10 * rate) for rate in rates))
    if tenths > 600:
        raise ValueError(f"detectors at {sorted(set(rates))} frames a second have no common rate below 60")
    return tenths / 10


def _at(times: np.ndarray, evidence: Evidence, part: str) -> np.ndarray:
    """A detector's log-odds at `times` (n,): of its nearest moment within `NEAR`, else NaN."""
    if evidence.score is None or not len(evidence.times):
        return np.full(len(times), np.nan)
    after = np.clip(np.searchsorted(evidence.times, times), 1, max(len(evidence.times) - 1, 1))
    pair = np.stack([after - 1, np.minimum(after, len(evidence.times) - 1)])
    distance = np.abs(evidence.times[pair] - times)
    nearest = np.take_along_axis(pair, distance.argmin(0)[None], 0)[0]
    values = log_odds(getattr(evidence, part)[nearest])
    return np.where(distance.min(0) <= NEAR, values, np.nan)
