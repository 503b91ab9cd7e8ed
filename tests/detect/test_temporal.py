"""The temporal detector's reader: rows of what changes, breaks and repeats left out, abstention with a reason."""

import cv2
import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError
from facewright.core.faces import Face
from facewright.detect.calibration import Calibration
from facewright.detect.detector import Observation
from facewright.detect.detectors.motion import FPS, GRID, NAMES, MotionStream
from facewright.detect.detectors.sequence import SequenceNet, SequenceParams
from facewright.detect.detectors.temporal import LEAST, TemporalDetector, TemporalModel


def film(portrait, face, count, noise=2.0, sway=0.0, start=0.0):
    """Frames of the portrait with fresh noise, moved sideways with its landmarks."""
    draw = np.random.default_rng(0)
    luma = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY).astype(np.float32)
    for number in range(count):
        shift = sway * np.sin(number)
        moved = cv2.warpAffine(
            luma, np.array([[1, 0, shift], [0, 1, 0]]), luma.shape[::-1], borderMode=cv2.BORDER_REFLECT
        )
        grey = np.clip(moved + draw.normal(0, noise, luma.shape), 0, 255).astype(np.uint8)
        own = Face.of((face.landmarks + np.array([shift, 0, 0])).astype(np.float32), 1.0)
        yield Observation(start + number / FPS, portrait, grey, own)


def rows_of(observations):
    stream = MotionStream()
    for observation in observations:
        stream.push(observation)
    return stream


@pytest.fixture(scope="module")
def detector(portrait, face):
    rows = np.array(rows_of(film(portrait, face, 30)).rows)
    torch.manual_seed(0)
    genuine = np.linspace(-1, 1, 12)
    calibration = Calibration(1.0, 0.0, genuine, np.ones(12))
    net = SequenceNet(SequenceParams(len(NAMES))).eval()
    return TemporalDetector(TemporalModel(net, rows.mean(0), rows.std(0) + 0.5, calibration, 1.0))


def test_rows_say_what_changes(portrait, face):
    still, noisy, swaying = (
        np.array(rows_of(film(portrait, face, 8, *how)).rows).mean(0) for how in ((0.5,), (4.0,), (0.5, 3.0))
    )
    cells = GRID[0] * GRID[1]
    assert (noisy[:cells] > still[:cells] + 0.5).all()  # fine differences, everywhere
    shift, turn = NAMES.index("head.shift"), NAMES.index("head.turn")
    assert swaying[shift] > still[shift] + 1
    assert swaying[turn] == pytest.approx(still[turn], abs=0.1)


def test_breaks_and_repeated_frames_give_no_rows(portrait, face):
    first, second = list(film(portrait, face, 6)), list(film(portrait, face, 6, start=5.0))
    assert len(rows_of(first).rows) == 4
    assert len(rows_of(first + second).rows) == 8
    doubled = [one for pair in zip(first, first, strict=True) for one in pair]
    assert len(rows_of(doubled).rows) == 4


def test_it_speaks_and_gives_a_timeline(detector, portrait, face):
    reader = detector.open()
    for observation in film(portrait, face, 40):
        reader.push(observation)
    said = reader.evidence()
    assert 0 < said.score < 1
    assert said.reason is None
    assert len(said.times) == len(said.scores) == 3
    assert (said.low <= said.scores).all()
    assert (said.scores <= said.high).all()
    assert 100 / 13 <= said.false_alarms_per_100 <= 100


@pytest.mark.parametrize(
    ("change", "reason"), [("short", "too_short"), ("dark", "too_dark"), ("odd", "outside_conditions")]
)
def test_it_abstains_with_a_reason(detector, portrait, face, change, reason):
    reader = detector.open()
    for observation in film(portrait, face, LEAST if change == "short" else 30, 60.0 if change == "odd" else 2.0):
        luma = observation.luma // 8 if change == "dark" else observation.luma
        reader.push(Observation(observation.seconds, portrait, luma, observation.face))
    said = reader.evidence()
    assert (said.score, said.reason) == (None, reason)


def test_weights_of_other_measures_are_refused(detector, tmp_path):
    from safetensors.numpy import load_file, save_file

    path = tmp_path / "temporal.safetensors"
    detector.model.save(path)
    save_file(load_file(path), path, metadata={"measures": "0"})
    with pytest.raises(AssetError) as error:
        TemporalModel.read(path)
    assert error.value.code == "weights_mismatch"
