"""Which generator made a face: the nearest class of residual measures, or none that it knows.

One class is a mean in whitened measures (features.py), with one covariance for all of them, as in linear discriminant
analysis. What lies farther from every mean than nearly all clips of that class do is not named (open-set recognition by
distance to the class mean). Clips of cameras are a class of their own, without a name. It never raises a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...core.atomic import writing
from ...core.errors import AssetError
from ...core.weights import check, read_record
from ..detector import Evidence, Observation, Sound
from .features import NAMES, VERSION, around
from .residual import FPS, WEIGHTS, Rows, standardise

NONE = ""  # the class of clips that no generator made


@dataclass(frozen=True)
class AttributionModel:
    """What training finds.

    Attributes:
        names: (k,) measures used.
        generators: (c,) of the classes; `NONE` for clips of cameras.
        mean, scale: (k,) of each measure.
        whitening: (k, k), standardised measures → ones with unit covariance within a class.
        centres: (c, k) of the classes, there.
        far: (c,) distance from which a class is not named.
        temperature: of the softmax over half squared distances.
    """

    names: tuple[str, ...]
    generators: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    whitening: np.ndarray
    centres: np.ndarray
    far: np.ndarray
    temperature: float

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, len(NAMES)) of one clip → its place (k,)."""
        columns = [NAMES.index(name) for name in self.names]
        return self.whitening @ standardise(rows[:, columns], self.mean, self.scale).mean(0)

    def distances(self, rows: np.ndarray) -> np.ndarray:
        """Rows of one clip → distance (c,) to each class."""
        return np.linalg.norm(self.centres - self.place(rows), axis=1)

    def attribute(self, rows: np.ndarray) -> dict[str, Any]:
        """`generator`, None unless one is named; `p` of the nearest class among all; `known`: near enough to one."""
        distances = self.distances(rows)
        nearest = int(distances.argmin())
        p = shares(distances, self.temperature)[nearest]
        known = bool(distances[nearest] <= self.far[nearest])
        return {
            "generator": (self.generators[nearest] or None) if known else None,
            "p": round(float(p), 3),
            "known": known,
        }

    def save(self, path: Path) -> None:
        from safetensors.numpy import save_file

        arrays = {name: getattr(self, name) for name in ("mean", "scale", "whitening", "centres", "far")}
        arrays["temperature"] = np.array([self.temperature])
        stored = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
        words = {"version": VERSION, "names": "\n".join(self.names), "generators": "\n".join(self.generators)}
        with writing(path) as part:
            save_file(stored, part, words)

    @classmethod
    def read(cls, path: Path) -> AttributionModel:
        """Raises AssetError: `weights_missing`, `bad_weights`."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "numpy") as stored:
                words = stored.metadata()
                arrays = {name: stored.get_tensor(name).astype(np.float64) for name in stored.keys()}  # noqa: SIM118
            if words["version"] != VERSION:
                raise ValueError(f"measures of version {words['version']}, not {VERSION}")
            temperature = float(arrays.pop("temperature")[0])
            names, generators = (tuple(words[name].split("\n")) for name in ("names", "generators"))
            return cls(names, generators, temperature=temperature, **arrays)
        except FileNotFoundError as error:
            raise AssetError("weights_missing", f"{path} is not there", "Train or install it again.") from error
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise AssetError("bad_weights", f"{path} holds no attribution: {error}", "Train it again.") from error


class AttributionDetector:
    """Names a generator and gives no score: `Evidence.details`, under an abstention."""

    name, fps = "attribution", FPS

    def __init__(self, model: AttributionModel, about: Mapping[str, str] | None = None) -> None:
        self.model, self.about = model, dict(about or {})
        self.thresholds = {"some": 1.0, "strong": 1.0}  # which nothing reaches: it never scores

    @classmethod
    @cache
    def shipped(cls) -> AttributionDetector:
        """The one whose weights come with the package.

        Raises:
            AssetError: `weights_missing`, `hash_mismatch`, `bad_weights`.
        """
        record = read_record(WEIGHTS / "attribution.record.json")
        check(record)
        about = {"How it works": record.architecture, "Tested": record.metrics["in words"]}
        return cls(AttributionModel.read(record.files[0].path), about)

    def open(self, sound: Sound | None = None) -> AttributionReader:
        return AttributionReader(self.model)

    def level(self, false_alarms_per_100: float) -> str:
        return "little"


class AttributionReader:
    def __init__(self, model: AttributionModel) -> None:
        self._model, self._rows = model, Rows(surroundings=any(map(around, model.names)))

    def push(self, observation: Observation) -> None:
        self._rows.push(observation)

    def evidence(self) -> Evidence:
        if reason := self._rows.reason:
            return Evidence.abstention(reason)
        return Evidence.abstention("names_only", self._model.attribute(np.array(self._rows.rows)))


def shares(distances: np.ndarray, temperature: float) -> np.ndarray:
    """Distances (…, c) → softmax (…, c) of half their squares, every class as likely beforehand."""
    logits = -(distances**2) / (2 * temperature)
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)
