"""Crops and the way back: similarity, aspect ratio, bit-exactness outside the mask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from facewright.core.faces import crop as crops
from facewright.core.faces import topology
from facewright.core.faces.face import Face
from facewright.core.faces.pose import Pose, from_euler, to_image


def face_at(x: float, y: float, scale: float, *, roll: float = 0.0, yaw: float = 0.0) -> Face:
    pose = Pose(from_euler(yaw, 0.0, roll), np.array([x, y, 0.0]), scale)
    return Face.of(to_image(topology.MEAN_FACE, pose), 1.0)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    noise = np.random.default_rng(3).normal(128, 60, (300, 400, 3))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 3 - 256, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [96, (160, 90), (90, 160)])
@pytest.mark.parametrize("roll", [0.0, 0.4])
def test_matrix_is_a_similarity_that_centres_the_face(size, roll):
    face = face_at(220, 140, 60, roll=roll)
    recipe = crops.CropRecipe(size, margin=0.5, level=True)
    matrix = recipe.matrix(face)
    linear = matrix[:, :2]
    assert linear @ linear.T == pytest.approx(np.eye(2) * np.linalg.det(linear))
    inside = crops.transform(face.landmarks, matrix)
    width, height = recipe.width_height
    oval = inside[topology.OVAL]
    assert (oval[:, 1].min() + oval[:, 1].max()) / 2 == pytest.approx((height - 1) / 2, abs=0.5)
    assert (oval[:, 0].min() + oval[:, 0].max()) / 2 == pytest.approx((width - 1) / 2, abs=0.5)
    assert np.ptp(oval[:, 1]) == pytest.approx(min(width, height) / 2, rel=0.01)  # margin 0.5 on each side
    assert inside[33, 1] == pytest.approx(inside[263, 1], abs=0.01)  # level eyes


def test_a_speaking_mouth_does_not_move_the_crop():
    face = face_at(200, 150, 60)
    open_mouth = face.landmarks.copy()
    open_mouth[[14, 17, 152, 148, 377]] += [0, 25, 0]
    recipe = crops.CropRecipe(128)
    assert recipe.matrix(Face.of(open_mouth, 1.0)) == pytest.approx(recipe.matrix(face))


def test_shift_up_moves_the_centre_up():
    face = face_at(200, 150, 60)
    plain, raised = (crops.CropRecipe(100, margin=0, shift_up=s).matrix(face) for s in (0.0, 0.1))
    assert raised[1, 2] - plain[1, 2] == pytest.approx(10)


def test_crop_over_the_edge_is_reflected(picture):
    matrix = np.array([[1.0, 0, 20], [0, 1, 0]])
    crop = crops.warp(picture, matrix, (100, 50))
    assert np.array_equal(crop[:, :20], picture[:50, 1:21][:, ::-1])


def test_shrinking_averages_instead_of_skipping():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    small = crops.warp(stripes, np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]]), (16, 16))
    assert np.abs(small.astype(int) - 100).max() <= 1


def test_points_and_pixels_move_together(picture):
    picture = picture.copy()
    picture[:] = 0
    picture[118:123, 208:213] = 255
    for scale in (0.3, 0.8, 2.0):
        matrix = np.array([[scale, -0.1 * scale, 12.3], [0.1 * scale, scale, 4.7]])
        weight = crops.warp(picture, matrix, (900, 700), border=cv2.BORDER_CONSTANT)[..., 0].astype(float)
        y, x = np.mgrid[0:700, 0:900]
        seen = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
        assert seen == pytest.approx(crops.transform(np.array([210.0, 120.0]), matrix), abs=0.1)


@pytest.mark.parametrize("shape", [(300, 400), (270, 480), (480, 270), (201, 333)])
def test_paste_back_leaves_the_outside_bit_exact(shape):
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    face = face_at(shape[1] / 2, shape[0] * 0.4, 50, roll=0.3)
    crop = crops.crop_face(frame, face, crops.CropRecipe(128, margin=0.2, level=True))
    mask = crops.soft_mask((128, 128), feather=20, points=crops.transform(face.landmarks, crop.matrix))
    before = frame.copy()
    pasted = crops.paste_back(frame, 255 - crop.image, crop.matrix, mask)
    assert np.array_equal(frame, before)
    support = crops.warp(
        (mask > 0).astype(np.float32), crops.invert(crop.matrix), shape[::-1], border=cv2.BORDER_CONSTANT
    )
    assert np.array_equal(pasted[support == 0], frame[support == 0])
    centre = crops.transform(face.landmarks, np.eye(2, 3))[1, :2].astype(int)
    assert np.abs(pasted[centre[1], centre[0]].astype(int) - frame[centre[1], centre[0]]).max() > 20


def test_identity_patch_at_scale_one(picture):
    matrix = np.array([[1.0, 0, -150], [0, 1, -80]])
    crop = crops.warp(picture, matrix, (120, 100))
    pasted = crops.paste_back(picture, crop, matrix, crops.soft_mask((120, 100), feather=12))
    assert np.abs(pasted.astype(int) - picture).max() <= 1


@pytest.mark.parametrize(("scale", "limit"), [(2.0, 1.5), (1.3, 3.0), (0.8, 5.0)])
def test_identity_patch_at_other_scales(picture, scale, limit):
    smooth = cv2.GaussianBlur(picture, (0, 0), 3)
    turn = scale * np.array([[np.cos(0.2), np.sin(0.2)], [-np.sin(0.2), np.cos(0.2)]])
    matrix = np.column_stack([turn, [90, 90] - turn @ [200, 150]])
    crop = crops.warp(smooth, matrix, (180, 180))
    pasted = crops.paste_back(smooth, crop, matrix, crops.soft_mask((180, 180), feather=30))
    assert np.sqrt(np.mean((pasted.astype(float) - smooth) ** 2)) < limit


def test_paste_back_beside_the_frame_changes_nothing(picture):
    matrix = np.array([[1.0, 0, 5000], [0, 1, 0]])
    assert np.array_equal(
        crops.paste_back(picture, np.zeros((50, 50, 3), np.uint8), matrix, np.ones((50, 50))), picture
    )


def test_soft_mask_is_one_inside_and_nought_at_the_rim():
    mask = crops.soft_mask((80, 60), feather=10)
    assert mask.shape == (60, 80)
    assert mask.dtype == np.float32
    assert mask[30, 40] == 1
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) < 0.05
    assert mask[3, 3] < mask[3, 40]  # rounded
    hull = crops.soft_mask((80, 60), feather=5, points=np.array([[20, 10], [60, 10], [40, 50]]))
    assert hull[20, 40] == 1
    assert hull[50, 10] == 0
