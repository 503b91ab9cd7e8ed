"""The residual detector: equal to scikit-learn, honest about what it cannot judge, and the same after a round trip."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from facewright.core.errors import AssetError
from facewright.detect.calibration import Calibration
from facewright.detect.detector import Observation
from facewright.detect.detectors import residual
from facewright.detect.detectors.features import NAMES
from facewright.detect.detectors.residual import LEAST_ROWS, ResidualDetector, ResidualModel

from .conftest import shaken


@pytest.fixture
def model() -> ResidualModel:
    draw = np.random.default_rng(0)
    names = NAMES[::7]
    calibration = Calibration(1.2, -0.1, np.array([-2.0, -1.0, 0.5]), np.array([1.0, 0.5, 0.5]))
    mean, scale, weights = draw.normal(size=len(names)), draw.uniform(0.5, 2, len(names)), draw.normal(size=len(names))
    return ResidualModel(tuple(names), mean, scale, weights, 0.3, calibration, far=np.inf)


def seen(seconds, frame, face) -> Observation:
    return Observation(seconds, frame, cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), face)


def observations(portrait, face, count=30, *, brightness=1.0, size=1.0):
    frames = (shaken(portrait, count, noise=2) * brightness).astype(np.uint8)
    for number, frame in enumerate(frames):
        moved = face.landmarks + np.array([4 * np.sin(number / 3), 3 * np.cos(number / 4), 0], np.float32)
        box = tuple(np.multiply(face.box, size))
        yield seen(number / 10, frame, replace(face, landmarks=moved, box=box))


def test_raw_scores_equal_scikit_learn():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    draw = np.random.default_rng(1)
    names = NAMES[3:40:4]
    columns = [NAMES.index(name) for name in names]
    rows = draw.normal(3, 2, size=(300, len(NAMES))).astype(np.float32)
    labels = rows[:, columns[0]] + draw.normal(size=300) > 3
    clip = FunctionTransformer(lambda x: np.clip(x, -residual.CLIP, residual.CLIP))
    pipeline = make_pipeline(StandardScaler(), clip, LogisticRegression()).fit(rows[:, columns], labels)
    scaler, _, logistic = (step for _, step in pipeline.steps)
    calibration = Calibration(1.0, 0.0, np.array([0.0]), np.array([1.0]))
    model = ResidualModel(
        tuple(names), scaler.mean_, scaler.scale_, logistic.coef_[0], float(logistic.intercept_[0]), calibration, np.inf
    )
    np.testing.assert_allclose(model.raw(rows), pipeline.decision_function(rows[:, columns]), rtol=1e-5, atol=1e-5)


def test_weights_survive_the_round_trip(model, tmp_path):
    model.save(tmp_path / "w.safetensors")
    again = ResidualModel.read(tmp_path / "w.safetensors")
    rows = np.random.default_rng(2).normal(size=(5, len(NAMES)))
    np.testing.assert_array_equal(model.raw(rows), again.raw(rows))
    assert again.calibration.thresholds == model.calibration.thresholds
    assert again.names == model.names


def test_weights_of_other_measures_are_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(residual, "VERSION", "another")
    model.save(tmp_path / "w.safetensors")
    monkeypatch.undo()
    with pytest.raises(AssetError) as error:
        ResidualModel.read(tmp_path / "w.safetensors")
    assert error.value.code == "weights_mismatch"
    (tmp_path / "w.safetensors").write_bytes(b"not weights")
    with pytest.raises(AssetError) as error:
        ResidualModel.read(tmp_path / "w.safetensors")
    assert error.value.code == "weights_missing"


def test_missing_measures_count_as_the_mean(model):
    row = np.full((1, len(NAMES)), np.nan)
    assert model.raw(row) == pytest.approx(model.bias)


def test_a_track_is_scored(model, portrait, face):
    reader = ResidualDetector(model).open()
    for observation in observations(portrait, face):
        reader.push(observation)
    evidence = reader.evidence()
    assert evidence.reason is None
    assert 0 < evidence.score < 1
    assert len(evidence.times) == len(evidence.scores) == 30 - 12
    assert (evidence.low <= evidence.scores).all()
    assert (evidence.scores <= evidence.high).all()


@pytest.mark.parametrize(
    ("reason", "how"),
    [
        ("too_short", {"count": 12 + LEAST_ROWS - 1}),
        ("face_too_small", {"size": 0.1}),
        ("too_dark", {"brightness": 0.05}),
    ],
)
def test_abstention(model, portrait, face, reason, how):
    reader = ResidualDetector(model).open()
    for observation in observations(portrait, face, **how):
        reader.push(observation)
    evidence = reader.evidence()
    assert evidence.reason == reason
    assert evidence.score is None
    assert evidence.false_alarms_per_100 is None
    assert len(evidence.scores) == 0


def test_a_face_turned_away_is_outside_conditions(model, portrait, face):
    turned = face.landmarks.copy()
    turned[:, 0], turned[:, 2] = face.landmarks[:, 2], -face.landmarks[:, 0]  # 90° to the side
    reader = ResidualDetector(model).open()
    for number in range(30):
        reader.push(seen(number / 10, portrait, replace(face, landmarks=turned)))
    assert reader.evidence().reason == "outside_conditions"


def test_conditions_far_from_training_are_outside(model, portrait, face):
    reader = ResidualDetector(replace(model, far=0.0)).open()
    for observation in observations(portrait, face):
        reader.push(observation)
    assert reader.evidence().reason == "outside_conditions"


def test_repeated_frames_and_breaks_are_no_evidence(model, portrait, face):
    reader = ResidualDetector(model).open()
    for number in range(60):  # a frozen picture: nothing had a chance to change
        reader.push(seen(number / 10, portrait, face))
    assert reader.evidence().reason == "too_short"
    reader = ResidualDetector(model).open()
    for number, observation in enumerate(observations(portrait, face, 40)):  # seen for a second at a time
        reader.push(replace(observation, seconds=number / 10 + 5 * (number // 10)))
    assert reader.evidence().reason == "too_short"
