"""What detectors of single pictures share: crops in batches, a track's evidence, heat maps of its worst moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ...core.faces.crop import invert, transform, warp
from ..calibration import Calibration, level
from ..detector import Evidence, Observation, Sound
from .recipes import Recipe
from .residual import moving_mean, unfit

BATCH = 16
LEAST_FRAMES = 4
SHOWN = 3  # moments with a heat map


class PictureModel(Protocol):
    """A network of single pictures; `recipe` is how the face is cut out for it."""

    @property
    def recipe(self) -> Recipe: ...

    def look(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Crops uint8 (n, h, w, 3) → raw scores (n,), growing with evidence, and heat (n, g, g) in [0, 1] or None."""
        ...


class PictureDetector:
    """A detector that scores every frame by itself and a track by the mean of its frames."""

    fps = 4.0

    def __init__(
        self, name: str, model: PictureModel, calibration: Calibration, about: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.model, self.calibration = name, model, calibration
        self.thresholds = calibration.thresholds
        self.about = dict(about or {})

    def open(self, sound: Sound | None = None) -> PictureReader:
        return PictureReader(self.model, self.calibration)

    def level(self, false_alarms_per_100: float) -> str:
        return level(false_alarms_per_100, self.calibration.least_per_100)


class PictureReader:
    """One face; holds at most `BATCH` crops, and of each frame a score and a small map."""

    def __init__(self, model: PictureModel, calibration: Calibration | None = None) -> None:
        self._model, self._calibration = model, calibration
        self._waiting: list[np.ndarray] = []
        self._raw: list[float] = []
        self._times: list[float] = []
        self._unfit: dict[str, int] = {}
        self._hot: list[tuple[float, float, np.ndarray, np.ndarray]] = []  # raw, seconds, map, corners; the worst alone
        self._corners: list[np.ndarray] = []

    def push(self, observation: Observation) -> None:
        if reason := unfit(observation):
            self._unfit[reason] = self._unfit.get(reason, 0) + 1
            return
        recipe = self._model.recipe
        matrix, (width, height) = recipe.matrix(observation.face), recipe.width_height
        self._waiting.append(warp(observation.image, matrix, (width, height)))
        outline = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
        self._corners.append(transform(outline, invert(matrix)))
        self._times.append(observation.seconds)
        if len(self._waiting) == BATCH:
            self._look()

    def raw(self) -> np.ndarray:
        """Raw scores (n,) of all frames so far."""
        self._look()
        return np.array(self._raw)

    def evidence(self) -> Evidence:
        """What `Evidence` says; for a reader with a calibration."""
        raw, times, calibration = self.raw(), np.array(self._times), self._calibration
        assert calibration is not None, "only what is calibrated can speak"
        if len(raw) < LEAST_FRAMES:
            few = max(self._unfit, key=lambda reason: self._unfit[reason]) if self._unfit else "too_short"
            return Evidence.abstention(few)
        mean, error = moving_mean(raw, times)
        scores = (calibration.score(mean + side * error).astype(np.float32) for side in (0, -1.645, 1.645))
        track = float(raw.mean())
        score, rate = float(calibration.score(track)), calibration.false_alarms_per_100(track)
        return Evidence(score, None, rate, times, *scores, details=self._details())

    def _details(self) -> dict[str, Any]:
        """`heat`: of the worst frames, seconds, the crop's four corners in the picture, rows of cells 0 to 255."""
        heat = [
            {
                "seconds": seconds,
                "corners": np.round(corners, 1).tolist(),
                "cells": np.round(255 * cells).astype(int).tolist(),
            }
            for _, seconds, cells, corners in self._hot
        ]
        return {"heat": heat} if heat else {}

    def _look(self) -> None:
        if not self._waiting:
            return
        raw, heat = self._model.look(np.stack(self._waiting))
        if heat is not None:
            first = len(self._raw)
            new = zip(raw.tolist(), self._times[first:], heat, self._corners, strict=True)
            self._hot = sorted([*self._hot, *new], key=lambda one: -one[0])[:SHOWN]
        self._raw += raw.tolist()
        self._waiting, self._corners = [], []
