"""Video to motion: a driver that is known exactly, and what comes back from it."""

from __future__ import annotations

import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.faces import Face, Pose, TrackedFace, TrackedFrame, from_euler, to_image, topology
from facewright.generate.methods.meshwarp import retarget
from facewright.generate.methods.meshwarp.basis import lip_gap
from facewright.generate.methods.meshwarp.motion import FaceMotion
from facewright.generate.methods.meshwarp.motion_weights import load_motion
from facewright.generate.methods.meshwarp.speech import Controls

FPS = 25.0


@pytest.fixture(scope="module")
def basis():
    return load_motion().basis


def driver(basis, frames=260, person=0):
    """A talking, nodding, blinking face: its motion, and its landmarks in pixels."""
    t = np.arange(frames) / FPS
    random = np.random.default_rng(person)
    own = topology.MEAN_FACE + random.normal(0, 0.003, (478, 3)).astype(np.float32)
    opening = 0.09 * np.clip(np.sin(2 * np.pi * 1.5 * t), 0, None)
    shape = basis.shape(opening[:, None] * basis.directions["open"])
    yaw, pitch = 0.15 * np.sin(2 * np.pi * 0.3 * t), 0.08 * np.sin(2 * np.pi * 0.4 * t)
    blink = np.isin(np.arange(frames) % 80, (40, 41, 42)).astype(float)
    landmarks = []
    for i in range(frames):
        head = own + shape[i]
        for upper, lower in (
            (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER),
            (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER),
        ):
            head[upper[1:-1], 1] += blink[i] * (head[lower[1:-1], 1] - head[upper[1:-1], 1]) * 0.95
        turn = from_euler(yaw[i], pitch[i], 0.0)
        pose = Pose(turn, np.array([200 + 10 * yaw[i], 180, 0.0]), 90.0)
        landmarks.append(to_image(head, pose).astype(np.float32))
    return {"opening": opening, "yaw": yaw, "pitch": pitch, "blink": blink}, landmarks


def play(monkeypatch, basis, landmarks, cuts=(), **options) -> list[FaceMotion]:
    def track(chunks, *, fps):
        for i, marks in enumerate(landmarks):
            faces = [] if marks is None else [TrackedFace(0, Face.of(marks, 1.0))]
            yield TrackedFrame(i, i in cuts, faces)

    monkeypatch.setattr(retarget, "track", track)
    return list(retarget.video_motion([], fps=FPS, basis=basis, **options))


def test_the_driver_s_motion_comes_back(monkeypatch, basis):
    truth, landmarks = driver(basis)
    blocks = play(monkeypatch, basis, landmarks)
    assert [len(block) for block in blocks] == [50] * 5 + [10]
    motion = FaceMotion.concatenate(blocks)
    gap = lip_gap(motion.shape).mean(1)
    assert np.corrcoef(gap, truth["opening"])[0, 1] > 0.98
    assert gap.max() == pytest.approx(0.09, abs=0.015)
    shut = truth["opening"] == 0
    assert (gap[shut] < 0.005).mean() > 0.8
    for axis, name in enumerate(("yaw", "pitch")):  # against the driver's usual pose
        error = motion.pose[:, axis] - truth[name]
        assert np.abs(error - np.median(error)).max() < 0.015
        assert abs(np.median(error)) < 0.05
    assert motion.blink[truth["blink"] > 0].min() > 0.8
    assert motion.blink[truth["blink"] == 0].max() < 0.2
    lags = [np.corrcoef(np.roll(gap, -lag)[10:-10], truth["opening"][10:-10])[0, 1] for lag in (-2, -1, 0, 1, 2)]
    assert int(np.argmax(lags)) == 2  # no lag


def test_another_face_at_rest_is_no_expression(monkeypatch, basis):
    _, landmarks = driver(basis, person=5)
    motion = FaceMotion.concatenate(play(monkeypatch, basis, landmarks))
    quiet = lip_gap(motion.shape).mean(1) < 0.002
    assert np.abs(motion.shape[quiet]).max() < 0.02


def test_a_portrait_that_smiles_still_shuts_its_lips(monkeypatch, basis):
    truth, landmarks = driver(basis)
    neutral = topology.MEAN_FACE.copy()
    neutral[topology.LIPS_LOWER_INNER[1:-1], 1] += 0.1
    motion = FaceMotion.concatenate(play(monkeypatch, basis, landmarks, neutral=neutral))
    gap = lip_gap(neutral + motion.shape).mean(1)
    between = (truth["opening"] == 0) & (np.arange(len(gap)) > 20)
    assert np.median(gap[between]) < 0.02
    assert gap.min() > -1e-4


def test_controls_scale(monkeypatch, basis):
    _, landmarks = driver(basis)
    options = {"head_motion": 0.0, "mouth": 0.0, "blink": 0.0, "gaze": 0.0}
    still = FaceMotion.concatenate(play(monkeypatch, basis, landmarks, controls=Controls(**options)))
    assert np.abs(still.pose).max() == 0
    assert lip_gap(still.shape).max() < 0.01
    assert still.blink.max() == 0


def test_a_lost_face_is_let_go_and_found_again(monkeypatch, basis):
    _, landmarks = driver(basis)
    gone = [None if 100 <= i < 150 else marks for i, marks in enumerate(landmarks)]
    motion = FaceMotion.concatenate(play(monkeypatch, basis, gone))
    assert len(motion) == len(landmarks)
    assert np.isfinite(motion.shape).all()
    assert np.abs(motion.pose[130:145]).max() < 0.01
    assert np.abs(motion.pose[170:]).max() > 0.05


def test_a_cut_starts_anew(monkeypatch, basis):
    _, first = driver(basis, 120, person=1)
    _, second = driver(basis, 120, person=2)
    motion = FaceMotion.concatenate(play(monkeypatch, basis, [*first, *second], cuts=(120,)))
    alone = FaceMotion.concatenate(play(monkeypatch, basis, second))
    assert np.allclose(motion[120:].shape, alone.shape, atol=1e-5)


def test_no_face_is_an_error(monkeypatch, basis):
    with pytest.raises(InputError) as raised:
        play(monkeypatch, basis, [None] * 30)
    assert raised.value.code == "no_face"
