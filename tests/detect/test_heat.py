"""Where the evidence lies: a detector that looks at the mouth alone gets a map that glows there."""

from __future__ import annotations

from types import MappingProxyType

import cv2
import numpy as np
import pytest
from facewright.core.faces import topology
from facewright.detect.detector import Evidence, Observation
from facewright.detect.heat import GRID, _hidden, _own


class Mouths:
    """A detector whose score is how much fine detail there is between the lips' corners."""

    name, fps = "mouths", 10.0
    thresholds, about = MappingProxyType({}), MappingProxyType({})

    def open(self, sound=None):
        return Mouths.Reader()

    class Reader:
        def __init__(self):
            self.seen = []

        def push(self, observation: Observation) -> None:
            x0, y0, x1, y1 = _mouth(observation)
            part = observation.luma[y0:y1, x0:x1].astype(float)
            self.seen.append(np.abs(part - cv2.GaussianBlur(part, (0, 0), 2)).mean())

        def evidence(self) -> Evidence:
            score = float(np.clip(np.mean(self.seen) / 20, 0.01, 0.99))
            return Evidence(score, None, 5.0, *np.zeros((4, 1), np.float32))


def _mouth(observation):
    lips = observation.face.landmarks[topology.LIPS_OUTER, :2]
    return *lips.min(0).astype(int), *lips.max(0).astype(int)


@pytest.fixture
def seen(portrait, face):
    noise = np.random.default_rng(0).integers(-8, 8, portrait.shape)
    image = np.clip(portrait.astype(int) + noise, 0, 255).astype(np.uint8)
    return [Observation(0.1 * n, image, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), face) for n in range(2)]


def test_hiding_the_mouth_matters_to_who_looks_at_mouths(seen, face):
    heat = _hidden(seen, Mouths())
    assert heat is not None
    assert heat.cells.shape == (GRID, GRID)
    assert heat.cells.max() == 1
    x0, y0, x1, y1 = face.box
    mx0, my0, mx1, my1 = _mouth(seen[0])
    row, column = np.unravel_index(heat.cells.argmax(), heat.cells.shape)
    centre = x0 + (column + 0.5) / GRID * (x1 - x0), y0 + (row + 0.5) / GRID * (y1 - y0)
    assert abs(centre[0] - (mx0 + mx1) / 2) < (x1 - x0) / GRID
    assert abs(centre[1] - (my0 + my1) / 2) < (y1 - y0) / GRID
    assert heat.cells[0].max() < 0.1  # not the forehead


def test_no_answer_is_none(seen):
    class Deaf(Mouths):
        def open(self, sound=None):
            reader = Mouths.Reader()
            reader.evidence = lambda: Evidence.abstention("too_short")
            return reader

    assert _hidden(seen, Deaf()) is None
    assert _hidden([], Mouths()) is None


def test_a_map_of_the_detectors_own_comes_first():
    drawn = {"heat": [{"seconds": 1.0, "corners": [[0, 0], [9, 0], [9, 9], [0, 9]], "cells": [[0, 255]]}]}
    panel = Evidence.abstention("too_short", {"detectors": {"pixels": Evidence.abstention("too_short", drawn)}})
    ((seconds, heat),) = _own(panel, "panel")
    assert (seconds, heat.source, heat.cells.tolist()) == (1.0, "pixels", [[0.0, 1.0]])
