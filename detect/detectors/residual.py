"""The residual detector: a logistic model over residual, spectral and renewal measures of a face (`features.py`).

Every frame's measures are standardised, clipped and weighed; the mean over a track is its raw score. Being linear, a
moment's score and the track's are the same thing at two lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import AssetError
from ...core.faces import euler, fit_pose
from ...core.weights import check, read_record
from ..calibration import Calibration, level
from ..detector import Evidence, Observation, Sound
from .features import NAMES, VERSION, FeatureStream, around

if TYPE_CHECKING:
    from .attribution import AttributionModel

FPS = 10.0
LEAST_FACE = 96.0  # px, longer side
LEAST_LUMA = 40.0  # of 255, mean over the face
MOST_YAW = 0.8  # rad
LEAST_ROWS = 8
MOMENT = 8  # rows in a point of the timeline
CLIP = 4.0  # bound of a standardised measure
WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class ResidualModel:
    """What training finds.

    Attributes:
        names: (k,) measures used, a subset of `NAMES`.
        mean, scale: (k,) of each over the training clips; a missing measure counts as its mean.
        weights: (k,), and bias: the logistic model.
        calibration: raw score → statements.
        far: mean absolute standardised measure above which a face lies outside tested conditions.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float
    calibration: Calibration
    far: float
    columns: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", np.array([NAMES.index(name) for name in self.names]))

    def standardise(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, len(NAMES)) → (n, k)."""
        return standardise(rows[:, self.columns], self.mean, self.scale)

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, len(NAMES)) → raw scores (n,)."""
        return self.standardise(rows) @ self.weights + self.bias

    def distance(self, rows: np.ndarray) -> float:
        """How far the face of these rows lies from the training clips."""
        return float(np.abs(self.standardise(rows).mean(0)).mean())

    def save(self, path: Path) -> None:
        from safetensors.numpy import save_file

        scalars = [self.bias, self.calibration.slope, self.calibration.offset, self.far]
        tensors = {
            "mean": self.mean,
            "scale": self.scale,
            "weights": self.weights,
            "scalars": np.array(scalars),
            "genuine": self.calibration.genuine,
            "genuine_weights": self.calibration.weights,
        }
        save_file(
            {name: np.ascontiguousarray(tensor, np.float64) for name, tensor in tensors.items()},
            path,
            metadata={"measures": VERSION, "names": ",".join(self.names)},
        )

    @classmethod
    def read(cls, path: Path) -> ResidualModel:
        """Raises AssetError `weights_missing`, or `weights_mismatch` for weights of other measures."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "np") as file:
                metadata, t = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise AssetError("weights_missing", f"{path} cannot be read: {error}.", "Reinstall facewright.") from error
        if metadata.get("measures") != VERSION:
            made = metadata.get("measures")
            raise AssetError(
                "weights_mismatch", f"{path} was trained on measures {made}, not {VERSION}.", "Train again."
            )
        bias, slope, offset, far = t["scalars"]
        calibration = Calibration(float(slope), float(offset), t["genuine"], t["genuine_weights"])
        names = tuple(metadata["names"].split(","))
        return cls(names, t["mean"], t["scale"], t["weights"], float(bias), calibration, float(far))


def standardise(columns: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standardised, clipped, and 0 where missing."""
    return np.clip(np.nan_to_num((columns - mean) / scale), -CLIP, CLIP)


class ResidualDetector:
    """`Detector` over one `ResidualModel`."""

    name = "residual"
    fps = FPS

    def __init__(
        self,
        model: ResidualModel,
        about: Mapping[str, str] | None = None,
        attribution: AttributionModel | None = None,
    ) -> None:
        self.model, self.attribution = model, attribution
        self.thresholds = model.calibration.thresholds
        self.about = dict(about or {})

    @classmethod
    @cache
    def shipped(cls) -> ResidualDetector:
        """The one whose weights come with the package.

        Raises:
            AssetError: `weights_missing`, `hash_mismatch`.
        """
        record = read_record(WEIGHTS / "residual.record.json")
        check(record)
        about = {"How it works": record.architecture, "Trained on": record.data[0]}
        about |= {"Tested": record.metrics["in words"], "Weights": f"SHA-256 {record.files[0].sha256}"}
        from .attribution import AttributionModel  # which stands on this module

        names = read_record(WEIGHTS / "attribution.record.json")
        check(names)
        about |= {"Which generator": names.metrics["in words"]}
        return cls(ResidualModel.read(record.files[0].path), about, AttributionModel.read(names.files[0].path))

    def open(self, sound: Sound | None = None) -> ResidualReader:
        return ResidualReader(self.model, self.attribution)

    def level(self, false_alarms_per_100: float) -> str:
        return level(false_alarms_per_100, self.model.calibration.least_per_100)


class Rows:
    """The measures of one face over time: breaks, repeated frames and unfit ones are noticed and left out."""

    def __init__(self, *, surroundings: bool = True) -> None:
        self._surroundings = surroundings
        self.times: list[float] = []
        self.rows: list[np.ndarray] = []
        self.unfit: dict[str, int] = {}
        self._stream = FeatureStream(surroundings=surroundings)
        self._last: tuple[float, np.ndarray] | None = None

    def push(self, observation: Observation) -> None:
        luma = observation.luma
        if reason := unfit(observation):
            self.unfit[reason] = self.unfit.get(reason, 0) + 1
            self._last = None
            return
        if self._last is None or observation.seconds - self._last[0] > 2.5 / FPS:
            self._stream = FeatureStream(surroundings=self._surroundings)  # its lags count frames, so it bears no break
        elif np.array_equal(self._last[1], luma):
            self._last = observation.seconds, luma
            return  # the source repeats frames: nothing had a chance to change
        self._last = observation.seconds, luma
        row = self._stream.push(luma.astype(np.float32), observation.face.landmarks)
        if row is not None:
            self.times.append(observation.seconds)
            self.rows.append(row)

    @property
    def reason(self) -> str | None:
        """Why there are too few rows to speak; None if there are enough."""
        if len(self.rows) >= LEAST_ROWS:
            return None
        return max(self.unfit, key=lambda reason: self.unfit[reason]) if self.unfit else "too_short"


class ResidualReader:
    def __init__(self, model: ResidualModel, attribution: AttributionModel | None = None) -> None:
        self._model, self._attribution = model, attribution
        names = (*model.names, *(attribution.names if attribution else ()))
        self._rows = Rows(surroundings=any(map(around, names)))

    def push(self, observation: Observation) -> None:
        self._rows.push(observation)

    def evidence(self) -> Evidence:
        if reason := self._rows.reason:
            return Evidence.abstention(reason)
        rows, model = np.array(self._rows.rows), self._model
        if model.distance(rows) > model.far:
            return Evidence.abstention("outside_conditions")
        raw = model.raw(rows)
        times = np.array(self._rows.times)
        mean, error = moving_mean(raw, times)
        scores = (model.calibration.score(mean + side * error) for side in (0, -1.645, 1.645))
        track = float(raw.mean())
        return Evidence(
            float(model.calibration.score(track)),
            None,
            model.calibration.false_alarms_per_100(track),
            times,
            *(score.astype(np.float32) for score in scores),
            details=self._attribution.attribute(rows) if self._attribution else {},
        )


def unfit(observation: Observation) -> str | None:
    """Why a frame cannot be measured, as a reason code."""
    face, luma = observation.face, observation.luma
    if face.size < LEAST_FACE:
        return "face_too_small"
    x0, y0, x1, y1 = (int(value) for value in np.clip(face.box, 0, (luma.shape[1], luma.shape[0]) * 2))
    if x1 - x0 < 8 or y1 - y0 < 8 or luma[y0:y1, x0:x1].mean() < LEAST_LUMA:
        return "too_dark" if x1 - x0 >= 8 and y1 - y0 >= 8 else "outside_conditions"
    if abs(euler(fit_pose(face.landmarks).rotation)[0]) > MOST_YAW:
        return "outside_conditions"
    return None


def moving_mean(raw: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over `MOMENT` rows around each row, and its standard error, neighbours counted as half independent.

    A moment does not reach over a break in time.
    """
    mean, error = np.empty_like(raw), np.empty_like(raw)
    for here, seconds in enumerate(times):
        first, last = max(0, here - MOMENT // 2), here + MOMENT // 2
        near = raw[first:last][np.abs(times[first:last] - seconds) <= MOMENT / FPS]
        mean[here], error[here] = near.mean(), near.std() / np.sqrt(max(1.0, len(near) / 2))
    return mean, error
