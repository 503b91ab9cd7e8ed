"""Pose: exact round trips, the sign of every angle, and blindness to expression."""

from __future__ import annotations

import numpy as np
import pytest
from facewright.core.faces import align, euler, fit_pose, from_euler, smooth, to_head, to_image, topology
from facewright.core.faces.pose import Pose
from hypothesis import given, settings
from hypothesis import strategies as st

angle = st.floats(-1.5, 1.5)


@settings(deadline=None)  # other processes may take the machine
@given(angle, st.floats(-3, 3), st.floats(-3, 3))
def test_euler_inverts_from_euler(yaw, pitch, roll):
    rotation = from_euler(yaw, pitch, roll)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert euler(rotation) == pytest.approx((yaw, pitch, roll), abs=1e-9)


@settings(deadline=None)
@given(angle, angle, angle, st.floats(5, 2000))
def test_fit_to_head_to_image_is_a_round_trip(yaw, pitch, roll, scale):
    true = Pose(from_euler(yaw, pitch, roll), np.array([320.0, 200.0, 40.0]), scale)
    landmarks = to_image(topology.MEAN_FACE, true)
    pose = fit_pose(landmarks)
    assert euler(pose.rotation) == pytest.approx((yaw, pitch, roll), abs=1e-6)
    assert pose.scale == pytest.approx(scale)
    assert to_head(landmarks, pose) == pytest.approx(topology.MEAN_FACE, abs=1e-5)
    assert to_image(to_head(landmarks, pose), pose) == pytest.approx(landmarks, abs=1e-9 * scale)


def nose(yaw=0.0, pitch=0.0, roll=0.0):
    """Where the tip of the nose goes, against the middle of the eyes' outer corners; x right, y down."""
    head = to_image(topology.MEAN_FACE, Pose(from_euler(yaw, pitch, roll), np.zeros(3), 1.0))
    return head[1] - head[[33, 263]].mean(0)


def test_signs_are_those_of_the_contract():
    assert nose(yaw=0.3)[0] > 0.1 > nose()[0]
    assert nose(pitch=0.3)[1] > nose()[1] + 0.05
    assert nose(roll=0.3)[0] < -0.1  # clockwise: the lower half of the face goes left
    assert np.array_equal(from_euler(0, 0, 0), np.eye(3))


def test_speech_and_smiles_do_not_turn_the_head():
    face = topology.MEAN_FACE.copy()
    face[topology.LIPS_LOWER_INNER] += [0, 0.3, 0.1]
    face[[152, 148, 377, 17]] += [0, 0.3, 0.1]
    face[topology.LEFT_BROW] += [0, -0.1, 0]
    pose = fit_pose(face)
    assert pose.rotation == pytest.approx(np.eye(3), abs=1e-6)
    assert pose.scale == pytest.approx(1)


def test_align_heeds_weights():
    points = topology.MEAN_FACE[topology.RIGID].astype(float)
    moved = points @ from_euler(0.2, 0.1, 0.3).T * 2 + 5
    moved[0] += 100
    weights = np.ones(len(points))
    weights[0] = 0
    assert euler(align(points, moved, weights).rotation) == pytest.approx((0.2, 0.1, 0.3))
    assert euler(align(points, moved).rotation) != pytest.approx((0.2, 0.1, 0.3), abs=0.01)


def test_smooth_keeps_quadratics_and_lessens_noise():
    time = np.arange(50) / 25
    curve = (3 * time**2 - 2 * time + 1)[:, None, None] * np.array([[1.0, -2.0, 0.5]])
    assert smooth(curve, 25) == pytest.approx(curve)
    noise = np.random.default_rng(0).normal(size=(400, 5, 3))
    assert smooth(noise, 25).std() < 0.75 * noise.std()
    assert smooth(noise, 25, seconds=0.4).std() < smooth(noise, 25).std()
    assert np.array_equal(smooth(noise[:3], 25), noise[:3])
    assert smooth(noise[::-1], 25) == pytest.approx(smooth(noise, 25)[::-1])  # no lag
