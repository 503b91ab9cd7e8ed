"""Faces moved about in their crops: pictures, landmarks and the flow between them stay together."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from facewright.generate.latent.jitter import Jitter, Shot
from facewright.generate.latent.losses import flow

SIZE = 96
POINTS = np.array([[30, 40], [60, 35], [48, 70]], np.float32)


def dots() -> Shot:
    """Soft dots on black, where the landmarks are."""
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    for x, y in POINTS:
        cv2.circle(frame, (int(x), int(y)), 2, (255, 255, 255), -1, cv2.LINE_AA)
    return Shot(frame, POINTS)


def test_landmarks_go_where_the_picture_goes():
    jitter = Jitter(shear=0.3)
    for seed in range(20):
        moved, _ = jitter(dots(), dots(), np.random.default_rng(seed))
        assert moved.frame.shape == (SIZE, SIZE, 3)
        assert np.abs(moved.landmarks - POINTS).max() > 1
        for x, y in moved.landmarks:
            if 5 < x < SIZE - 6 and 5 < y < SIZE - 6:
                left, top = round(x) - 4, round(y) - 4
                patch = moved.frame[top : top + 9, left : left + 9, 0].astype(float)
                rows, columns = np.mgrid[:9, :9]
                centre = [(patch * columns).sum() / patch.sum() + left, (patch * rows).sum() / patch.sum() + top]
                np.testing.assert_allclose(centre, [x, y], atol=0.5)


@pytest.mark.parametrize(("bounds", "moves"), [({"turn": 0.0, "shear": 0.0, "shift": 0.0}, "scale"), ({}, "all")])
def test_bounds_are_kept(bounds, moves):
    jitter = replace(Jitter(), **bounds)
    for seed in range(50):
        matrix = jitter.matrix(np.random.default_rng(seed), SIZE)
        middle = np.full(2, (SIZE - 1) / 2)
        assert np.abs(matrix[:, :2] @ middle + matrix[:, 2] - middle).max() <= jitter.shift * SIZE + 1e-9
        assert abs(np.log(np.linalg.det(matrix[:, :2])) / 2) <= jitter.scale + 1e-9
        if moves == "scale":
            np.testing.assert_allclose(matrix[:, :2], matrix[0, 0] * np.eye(2))


def test_two_draws_differ_and_one_seed_does_not():
    draws = [Jitter()(dots(), dots(), np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0].frame, draws[1].frame)
    assert (draws[0].frame != draws[2].frame).any()


@pytest.mark.parametrize("alike", [0.0, 0.3, 1.0])
def test_as_many_pairs_are_moved_alike_as_asked_for(alike):
    jitter = Jitter(alike=alike)
    same = 0
    for seed in range(200):
        first, second = jitter(dots(), dots(), np.random.default_rng(seed))
        same += np.array_equal(first.landmarks, second.landmarks)
    assert same / 200 == pytest.approx(alike, abs=0.1)


def test_the_flow_loss_of_the_true_flow_is_zero():
    """An affine change has one flow everywhere; the loss must not find fault with it."""
    source = torch.rand(2, 40, 2) * 1.2 - 0.6
    driving = source * 0.8 + 0.1
    axis = (torch.arange(64) * 2 + 1) / 64 - 1
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None]
    true = (grid - 0.1) / 0.8 - grid  # at a driving point: where the source has it
    assert flow([true.expand(2, -1, -1, -1)], source, driving) < 1e-6
    still = flow([torch.zeros(2, 2, 64, 64)], source, driving)
    assert still == pytest.approx((source - driving).abs().mean().item(), rel=1e-5)
