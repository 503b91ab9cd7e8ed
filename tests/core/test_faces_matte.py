"""The person matte: whole, soft at hair, true to the picture's edges."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from facewright.core.faces import largest_face, person_matte, topology
from facewright.core.faces.matte import guided_filter


@pytest.fixture(scope="module")
def picture(portrait_path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(portrait_path))[..., ::-1])


def test_the_person_is_in_and_the_ground_is_out(picture):
    matte = person_matte(picture)
    assert matte.shape == picture.shape[:2]
    assert matte.dtype == np.float32
    assert (matte.min(), matte.max()) == (0, 1)
    inside = np.concatenate([topology.RIGID, topology.LIPS_OUTER, topology.NOSE])
    x, y = largest_face(picture).landmarks[inside, :2].round().astype(int).T
    assert matte[y, x].min() > 0.98
    assert matte[:60, 100:140].max() < 0.02  # wall beside the hair
    assert matte[30:200, 330:370].max() < 0.02  # wall between head and shuttle
    assert ((matte > 0.02) & (matte < 0.98)).mean() < 0.12  # certain nearly everywhere


def test_size_and_mirror_matter_little(picture):
    matte = person_matte(picture)
    assert np.abs(person_matte(picture[:, ::-1])[:, ::-1] - matte).mean() < 0.005
    twice = person_matte(cv2.resize(picture, (1024, 1024), interpolation=cv2.INTER_CUBIC))
    assert np.abs(cv2.resize(twice, (512, 512), interpolation=cv2.INTER_AREA) - matte).mean() < 0.01


def test_guided_filter_moves_a_rough_outline_to_the_edge():
    y, x = np.mgrid[0:200, 0:200]
    disc = np.hypot(x - 100, y - 100) < 60
    guide = np.where(disc[..., None], [200, 60, 40], [40, 90, 180]).astype(np.uint8)
    rough = (np.hypot(x - 104, y - 97) < 60).astype(np.float32)
    fine = guided_filter(guide, rough, radius=12, smooth=1e-4)
    assert ((fine > 0.5) != disc).mean() < 0.05 * ((rough > 0.5) != disc).mean()


def test_guided_filter_leaves_a_plain_picture_smooth():
    mask = np.zeros((100, 100), np.float32)
    mask[:, 50:] = 1
    fine = guided_filter(np.full((100, 100, 3), 128, np.uint8), mask, radius=10, smooth=1e-4)
    assert np.diff(fine, axis=1).max() < 0.1
    assert fine[:, :20].max() < 1e-4
    assert fine[:, 80:].min() > 1 - 1e-4
