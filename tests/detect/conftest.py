"""A face that moves, a detector that says what it is told, and facts that need no store."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from facewright.core.faces import Face, largest_face
from facewright.core.media import VideoWriter, read_image
from facewright.detect.calibration import level
from facewright.detect.detector import Evidence, Observation
from facewright.detect.scan import scan


@pytest.fixture(scope="session")
def portrait(portrait_path: Path) -> np.ndarray:
    """The portrait with its face some 200 pixels high."""
    return cv2.resize(read_image(portrait_path)[:320, 60:380], (512, 512), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def face(portrait: np.ndarray) -> Face:
    return largest_face(portrait)


def shaken(picture: np.ndarray, count: int, noise: float = 0.0) -> np.ndarray:
    """`count` frames of a picture moved about, with fresh noise."""
    draw = np.random.default_rng(0)
    frames = []
    for number in range(count):
        matrix = np.array([[1, 0, 4 * np.sin(number / 3)], [0, 1, 3 * np.cos(number / 4)]])
        frame = cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
        frames.append(np.clip(frame + draw.normal(0, noise, frame.shape), 0, 255).astype(np.uint8))
    return np.stack(frames)


@pytest.fixture(scope="session")
def clip_path(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the portrait, moved about, 10 frames a second."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, width=512, height=512, fps=10) as writer:
        writer.write(shaken(portrait, 30, noise=2))
    return path


class Told:
    """A detector that gives every face seen for a second the same score."""

    name, fps = "told", 10.0

    def __init__(self, score: float, rate: float) -> None:
        self.score, self.rate = score, rate
        self.thresholds = {"some": 0.6, "strong": 0.9}
        self.about = {"Trained on": "nothing <script>alert(1)</script>"}

    def level(self, rate: float) -> str:
        return level(rate, 5.0)

    def open(self, sound=None) -> Told.Reader:
        return Told.Reader(self)

    class Reader:
        def __init__(self, told: Told) -> None:
            self.told, self.times = told, []

        def push(self, observation: Observation) -> None:
            self.times.append(observation.seconds)

        def evidence(self) -> Evidence:
            if len(self.times) < 10:
                return Evidence.abstention("too_short")
            times = np.array(self.times)
            scores = np.full(len(times), self.told.score) + 0.01 * np.sin(times)
            return Evidence(self.told.score, None, self.told.rate, times, scores, scores - 0.05, scores + 0.05)


def _nothing(path):
    facts = {"state": "nothing-found", "record_id": None, "lines": ["manifest: none"], "manifest": {"present": False}}
    facts["watermark"] = {"found": False, "p_value": 0.4, "record_id": None}
    return SimpleNamespace(to_dict=lambda: facts)


@pytest.fixture
def no_facts(monkeypatch):
    """Provenance that finds nothing, at once; tests/provenance tests the finding."""
    monkeypatch.setattr("facewright.detect.scan.verify", _nothing)


@pytest.fixture(scope="session")
def report(clip_path):
    """What a scan says of the clip, whose one face is told to score 0.95 where 5 of 100 genuine ones do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facewright.detect.scan.verify", _nothing)
        return scan(clip_path, detector=Told(0.95, 5.0))


@pytest.fixture
def told():
    return Told
