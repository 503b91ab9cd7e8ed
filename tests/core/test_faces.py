"""Faces in stills: found whatever their size and turn, the same every time, clear errors."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.faces import (
    euler,
    find_faces,
    fit_pose,
    largest_face,
    load_backend,
    topology,
)


@pytest.fixture(scope="module")
def picture(portrait_path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(portrait_path))[..., ::-1])


@pytest.fixture(scope="module")
def face(picture):
    return largest_face(picture)


def apart(found, expected, size) -> float:
    """Mean distance of landmarks as a share of the face's size."""
    return float(np.linalg.norm(found.landmarks[:, :2] - expected[:, :2], axis=1).mean() / size)


def test_a_portrait_has_one_face_where_it_is(picture, face):
    assert len(find_faces(picture)) == 1
    assert face.landmarks.shape == (topology.POINTS, 3)
    assert face.landmarks.dtype == np.float32
    assert face.score > 0.8
    corners = topology.LIPS_UPPER_INNER[[0, -1]]
    seen = face.landmarks[[topology.LEFT_IRIS[0], topology.RIGHT_IRIS[0], *corners, 152], :2]
    by_eye = np.array([[203.3, 101], [246.3, 103.5], [203, 139.5], [244, 141], [223, 177.5]])  # pupils, mouth, chin
    assert np.abs(seen - by_eye).max() < 2.5
    assert (
        face.landmarks[1, 2] < face.landmarks[127, 2]
    )  # z grows away from the camera: the nose is nearer than a temple


def test_the_same_picture_gives_the_same_landmarks(picture, face):
    other = load_backend()
    assert np.array_equal(other.detect(picture)[0].landmarks, face.landmarks)
    assert np.array_equal(other.detect(picture)[0].landmarks, face.landmarks)
    other.close()


def test_the_mirror_image_gives_mirrored_landmarks_yaw_and_roll(picture, face):
    mirrored = largest_face(picture[:, ::-1])
    back = mirrored.landmarks[topology.MIRROR] * [-1, 1, 1] + [picture.shape[1] - 1, 0, 0]
    assert apart(face, back, face.size) < 0.005
    here, there = euler(fit_pose(face.landmarks).rotation), euler(fit_pose(mirrored.landmarks).rotation)
    assert here == pytest.approx((-there[0], there[1], -there[2]), abs=np.radians(1.0))


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_picture_that_lies_on_its_side(picture, face, quarter_turns):
    found = find_faces(np.rot90(picture, quarter_turns))
    expected = face.landmarks[:, :2]
    for _ in range(quarter_turns):
        expected = np.stack([expected[:, 1], picture.shape[1] - 1 - expected[:, 0]], 1)
    assert len(found) == 1
    assert apart(found[0], expected, face.size) < 0.01


@pytest.mark.parametrize("degrees", [-30, 30])
def test_roll_is_clockwise(picture, face, degrees):
    matrix = cv2.getRotationMatrix2D((225, 120), -degrees, 1.0)  # OpenCV counts the other way
    turned = largest_face(cv2.warpAffine(picture, matrix, (512, 512)))
    change = euler(fit_pose(turned.landmarks).rotation)[2] - euler(fit_pose(face.landmarks).rotation)[2]
    assert np.degrees(change) == pytest.approx(degrees, abs=1)


def test_a_face_of_100_pixels_in_a_4k_picture(picture, face):
    large = np.full((2160, 3840, 3), 90, np.uint8)
    scale = 100 / face.size
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    large[1500 : 1500 + small.shape[0], 2900 : 2900 + small.shape[1]] = small
    found = find_faces(large)
    assert len(found) == 1
    expected = (face.landmarks[:, :2] + 0.5) * scale - 0.5 + [2900, 1500]
    assert apart(found[0], expected, 100) < 0.02


def test_a_face_that_fills_the_picture(picture, face):
    x0, y0, x1, y1 = (round(v) for v in face.box)
    close = picture[y0 + 5 : y1 - 5, x0 + 5 : x1 - 5]
    assert (
        apart(largest_face(cv2.resize(close, None, fx=4, fy=4)), (face.landmarks[:, :2] - [x0 + 5, y0 + 5]) * 4, 440)
        < 0.04
    )


def test_several_faces_come_largest_first_and_can_be_chosen(picture):
    small = cv2.resize(picture, (307, 307), interpolation=cv2.INTER_AREA)
    both = np.hstack([cv2.copyMakeBorder(small, 205, 0, 0, 0, cv2.BORDER_REPLICATE), picture])
    faces = find_faces(both)
    assert [round(f.box[0] > 307) for f in faces] == [1, 0]
    assert np.array_equal(largest_face(both).landmarks, faces[0].landmarks)
    assert np.array_equal(largest_face(both, choose=1).landmarks, faces[1].landmarks)
    with pytest.raises(InputError, match="has 2 faces; there is no face 2") as error:
        largest_face(both, choose=2)
    assert error.value.code == "no_such_face"


def test_no_face_and_too_small_a_face(picture):
    rng = np.random.default_rng(5)
    for nothing in (np.zeros((200, 300, 3), np.uint8), rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)):
        with pytest.raises(InputError) as error:
            largest_face(nothing)
        assert error.value.code == "no_face"
    quarter = cv2.resize(picture, (200, 200), interpolation=cv2.INTER_AREA)
    assert largest_face(quarter, min_size=30).size < 64
    with pytest.raises(InputError, match=r"the face is 4[2-5] pixels high; at least 64") as error:
        largest_face(quarter)
    assert error.value.code == "face_too_small"
