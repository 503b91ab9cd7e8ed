"""The temporal detector: a small transformer over how a face changes, 10 times a second (`motion.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import AssetError
from ...core.weights import check, read_record
from ..calibration import Calibration, level
from ..detector import Evidence, Observation, Sound
from .motion import FPS, NAMES, VERSION, MotionStream
from .residual import WEIGHTS, standardise, unfit

if TYPE_CHECKING:
    from .sequence import SequenceNet

STEP = 8  # moments from one window to the next
LEAST = 16  # rows: one window


@dataclass(frozen=True)
class TemporalModel:
    """What training finds: the network, mean and scale (k,) of measures, calibration, and how far clips may lie."""

    net: SequenceNet
    mean: np.ndarray
    scale: np.ndarray
    calibration: Calibration
    far: float = np.inf

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, len(NAMES)), n ≥ LEAST → log-odds of windows (w,), `STEP` rows apart."""
        import torch

        with torch.no_grad():
            return self.net(torch.from_numpy(windows(self.standardise(rows), self.net.params.window))).numpy()

    def standardise(self, rows: np.ndarray) -> np.ndarray:
        return standardise(rows, self.mean, self.scale).astype(np.float32)

    def distance(self, rows: np.ndarray) -> float:
        """How far the face of these rows lies from the training clips."""
        return float(np.abs(self.standardise(rows).mean(0)).mean())

    def save(self, path: Path) -> None:
        from safetensors.numpy import save_file

        own = self.calibration
        tensors = {f"net.{key}": value.numpy() for key, value in self.net.state_dict().items()}
        tensors |= {"mean": self.mean, "scale": self.scale, "genuine": own.genuine, "genuine_weights": own.weights}
        tensors |= {"scalars": np.array([own.slope, own.offset, self.far])}
        save_file({n: np.ascontiguousarray(t) for n, t in tensors.items()}, path, metadata={"measures": VERSION})

    @classmethod
    def read(cls, path: Path) -> TemporalModel:
        """Raises AssetError `weights_missing`, or `weights_mismatch` for weights of other measures."""
        import torch
        from safetensors import SafetensorError, safe_open

        from .sequence import SequenceNet, SequenceParams

        try:
            with safe_open(path, "np") as file:
                metadata, t = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise AssetError("weights_missing", f"{path} cannot be read: {error}.", "Reinstall facewright.") from error
        if (metadata or {}).get("measures") != VERSION:
            raise AssetError("weights_mismatch", f"{path} was trained on other measures.", "Train again.")
        net = SequenceNet(SequenceParams(len(NAMES)))
        net.load_state_dict({key[4:]: torch.from_numpy(t[key]) for key in t if key.startswith("net.")})
        slope, offset, far = t["scalars"]
        calibration = Calibration(float(slope), float(offset), t["genuine"], t["genuine_weights"])
        return cls(net.eval(), t["mean"], t["scale"], calibration, float(far))


class TemporalDetector:
    """`Detector` over one `TemporalModel`."""

    name = "temporal"
    fps = FPS

    def __init__(self, model: TemporalModel, about: Mapping[str, str] | None = None) -> None:
        self.model = model
        self.thresholds = model.calibration.thresholds
        self.about = dict(about or {})

    @classmethod
    @cache
    def shipped(cls) -> TemporalDetector:
        """The one whose weights come with the package.

        Raises:
            AssetError: `weights_missing`, `hash_mismatch`.
        """
        record = read_record(WEIGHTS / "temporal.record.json")
        check(record)
        about = {"How it works": record.architecture, "Trained on": record.data[0]}
        about |= {"Tested": record.metrics["in words"], "Weights": f"SHA-256 {record.files[0].sha256}"}
        return cls(TemporalModel.read(record.files[0].path), about)

    def open(self, sound: Sound | None = None) -> TemporalReader:
        return TemporalReader(self.model)

    def level(self, false_alarms_per_100: float) -> str:
        return level(false_alarms_per_100, self.model.calibration.least_per_100)


class MotionRows:
    """The measures of one face over time, unfit frames left out."""

    def __init__(self) -> None:
        self.stream = MotionStream()
        self._unfit: dict[str, int] = {}

    def push(self, observation: Observation) -> None:
        if reason := unfit(observation):
            self._unfit[reason] = self._unfit.get(reason, 0) + 1
        else:
            self.stream.push(observation)

    @property
    def reason(self) -> str | None:
        """Why there are too few rows to speak; None if there are enough."""
        if len(self.stream.rows) >= LEAST:
            return None
        return max(self._unfit, key=lambda reason: self._unfit[reason]) if self._unfit else "too_short"


class TemporalReader:
    def __init__(self, model: TemporalModel) -> None:
        self._model, self._rows = model, MotionRows()

    def push(self, observation: Observation) -> None:
        self._rows.push(observation)

    def evidence(self) -> Evidence:
        if reason := self._rows.reason:
            return Evidence.abstention(reason)
        rows, times = np.array(self._rows.stream.rows), np.array(self._rows.stream.times)
        if self._model.distance(rows) > self._model.far:
            return Evidence.abstention("outside_conditions")
        raw, calibration = self._model.raw(rows), self._model.calibration
        middles = times[[first + LEAST // 2 for first in starts(len(rows), LEAST)]]
        error = 1.645 * raw.std() / np.sqrt(max(1.0, len(raw) * STEP / LEAST)) if len(raw) > 1 else 0.0
        moments, low, high = (calibration.score(raw + side * error).astype(np.float32) for side in (0, -1, 1))
        track = float(raw.mean())
        score, rate = float(calibration.score(track)), calibration.false_alarms_per_100(track)
        return Evidence(score, None, rate, middles, moments, low, high)


def starts(rows: int, window: int) -> range:
    """First rows of the windows."""
    return range(0, rows - window + 1, STEP)


def windows(rows: np.ndarray, window: int) -> np.ndarray:
    """Rows (n, k) → (w, window, k)."""
    return np.stack([rows[first : first + window] for first in starts(len(rows), window)])
