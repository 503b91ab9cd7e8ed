"""The renderer of meshwarp on one portrait: what must stay, what must move, and where it must go."""

from __future__ import annotations

import numpy as np
import pytest
from facewright.core.faces import largest_face, topology
from facewright.core.media import read_image
from facewright.generate.methods.meshwarp.head import Mover
from facewright.generate.methods.meshwarp.motion import FaceMotion, neck_shift
from facewright.generate.methods.meshwarp.portrait import prepare
from facewright.generate.methods.meshwarp.render import render
from facewright.generate.methods.meshwarp.warp import determinant


def jaw(amounts) -> np.ndarray:
    """(T, 478, 3): lower lip and chin go down by `amounts` head units, less towards the cheeks."""
    face = topology.MEAN_FACE
    x = np.abs(face[:, 0] - face[13, 0])
    below = face[:, 1] > face[[78, 308], 1].mean()
    below[topology.LIPS_UPPER_OUTER], below[topology.LIPS_UPPER_INNER] = False, False
    below[topology.LIPS_LOWER_OUTER[1:-1]], below[topology.LIPS_LOWER_INNER[1:-1]] = True, True
    share = below * np.exp(-((x / 0.3) ** 2)) * np.where(face[:, 1] > face[152, 1] - 0.05, 0.8, 1)
    share[topology.LIPS_LOWER_INNER] *= 1 - (x[topology.LIPS_LOWER_INNER] / x[78]) ** 2
    shape = np.zeros((len(amounts), 478, 3), np.float32)
    shape[..., 1] = np.asarray(amounts, np.float32)[:, None] * share
    return shape


def motion(frames: int, **values) -> FaceMotion:
    rest = FaceMotion.rest(frames)
    return FaceMotion(
        *(
            np.broadcast_to(np.asarray(values.get(name, 0), np.float32), value.shape).astype(np.float32)
            for name, value in (("shape", rest.shape), ("pose", rest.pose), ("gaze", rest.gaze), ("blink", rest.blink))
        )
    )


def pose(yaw=0.0, pitch=0.0, roll=0.0, scale=0.0) -> np.ndarray:
    """A pose row (6,), degrees."""
    angles = np.radians([yaw, pitch, roll])
    return np.r_[angles, neck_shift(angles[None])[0], scale].astype(np.float32)


@pytest.fixture(scope="module")
def picture(portrait_path):
    return read_image(portrait_path)


@pytest.fixture(scope="module")
def face(picture):
    return largest_face(picture)


@pytest.fixture(scope="module")
def portrait(picture, face):
    return prepare(picture, face)


LIVELY = {
    "shape": jaw([0.0, 0.04, 0.1, 0.2, 0.12]),
    "pose": np.stack([pose(), pose(10, 4, -3), pose(-12, 0, 6), pose(0, 8, 0, 0.03), pose(4, -8, -6)]),
    "gaze": np.array([(0, 0), (0.2, 0), (-0.2, 0.1), (0, 0.15), (0.1, -0.15)]),
    "blink": np.array([(0, 0), (0.3, 0.3), (1, 1), (0, 0.6), (0.05, 0)]),
}


def test_at_rest_the_frame_is_the_picture(picture, portrait):
    frame = render(portrait, FaceMotion.rest(1))[0].astype(float)
    assert 10 * np.log10(255**2 / np.mean((frame - picture) ** 2)) > 45


def test_what_lies_away_from_the_head_is_copied(picture, portrait):
    x0, y0, x1, y1 = portrait.box
    untouched = np.ones(picture.shape[:2], bool)
    untouched[y0:y1, x0:x1] = False
    frames = render(portrait, motion(5, **LIVELY))
    assert untouched.any()
    assert (frames[:, untouched] == picture[untouched]).all()


def test_the_background_beside_a_swaying_head_stands_still(portrait):
    x0, y0, x1, y1 = portrait.box
    alpha = portrait.layer[::2, ::2, 3]
    frames = render(portrait, motion(5, **LIVELY))[:, y0:y1, x0:x1].astype(int)
    empty = np.zeros(alpha.shape, bool)
    empty[:12, :] = (alpha[:60] == 0).all(0)  # columns without any head near the top: only background ever passes
    assert empty.sum() > 50
    assert np.abs(frames - frames[0])[:, empty].max() <= 2


def test_a_frame_depends_on_its_own_row_alone(portrait):
    whole = render(portrait, motion(5, **LIVELY))
    pieces = [render(portrait, motion(5, **LIVELY)[i : i + n]) for i, n in ((0, 1), (1, 3), (4, 1))]
    assert (np.concatenate(pieces) == whole).all()
    assert (render(portrait, motion(5, **LIVELY)[::-1])[::-1] == whole).all()


def test_nothing_folds_over_whatever_is_asked(portrait):
    random = np.random.default_rng(5)
    for strength in (0.5, 1, 3):
        shape = strength * (jaw([0.3])[0] + random.normal(0, 0.02, (478, 3)))
        mover = Mover(portrait.head, shape.astype(np.float32), pose(*random.uniform(-12, 12, 3)))
        fields = portrait.field, portrait.mouth.upper, portrait.mouth.lower
        mover.damp(*fields)
        for field in fields:
            assert determinant(mover(field), field.lattice.step)[field.whole].min() > 0


def test_a_plain_motion_is_not_damped(portrait):
    mover = Mover(portrait.head, jaw([0.15])[0], pose(6, 3, 2))
    asked = mover.shift.copy()
    mover.damp(portrait.field, portrait.mouth.upper, portrait.mouth.lower)
    assert (mover.shift == asked).all()


def test_landmarks_go_where_they_were_asked_to(portrait, face):
    asked = motion(5, **{**LIVELY, "blink": 0, "gaze": 0})
    width = face.box[2] - face.box[0]
    eyes = np.r_[topology.LEFT_EYE, topology.RIGHT_EYE]
    points = np.setdiff1d(np.arange(468), eyes)
    for i, frame in enumerate(render(portrait, asked)):
        found = largest_face(frame).landmarks[:, :2]
        wanted = portrait.head.moved(asked.shape[i], asked.pose[i])
        assert np.hypot(*(found - wanted)[points].T).mean() < 0.02 * width


def test_lips_open_as_far_as_asked(portrait):
    amounts = np.linspace(-0.02, 0.2, 8)
    asked = motion(8, shape=jaw(amounts))
    unit = portrait.head.unit
    wanted, found = [], []
    for i, frame in enumerate(render(portrait, asked)):
        goal = portrait.head.moved(asked.shape[i], asked.pose[i])
        points = largest_face(frame).landmarks
        wanted.append((goal[14] - goal[13])[1] / unit)
        found.append((points[14] - points[13])[1] / unit)
    assert np.corrcoef(wanted, found)[0, 1] > 0.95
    assert 0.75 < np.polyfit(wanted, found, 1)[0] < 1.25


def test_the_jaw_leaves_eyes_and_nose_alone(portrait):
    frames = render(portrait, motion(2, shape=jaw([0, 0.2]))).astype(int)
    nose = int(portrait.head.landmarks[1, 1])
    assert np.abs(frames[1] - frames[0])[: nose - 4].max() <= 12
    assert np.abs(frames[1] - frames[0])[nose:].max() > 60


def test_a_shut_eye_shows_no_iris_and_a_half_shut_eye_half(picture, portrait):
    frames = render(portrait, motion(3, blink=np.array([(0, 0), (0.5, 0), (1, 0)]))).astype(float)
    eye = portrait.eyes[0]
    x, y = (round(float(v)) for v in eye.axes.join(*np.split(eye.iris, 2))[0])
    low = [frame[y - 1 : y + 2, x - 1 : x + 2].mean() for frame in frames]
    skin = picture[y + 10 : y + 14, x - 2 : x + 3].mean()
    assert low[0] < 0.6 * skin < low[2]
    assert (frames[2, :, x + 40 :] == frames[0, :, x + 40 :]).all()  # the other eye was not asked to


def test_gaze_takes_the_iris_along(portrait):
    left, ahead, right = render(portrait, motion(3, gaze=np.array([(-0.25, 0), (0, 0), (0.25, 0)]))).astype(float)
    for eye in portrait.eyes:
        x, y = (round(float(v)) for v in eye.axes.join(*np.split(eye.iris, 2))[0])
        half, r = int(0.8 * eye.axes.half), 2
        dark = [255 - frame[y - r : y + r + 1, x - half : x + half + 1].mean((0, 2)) for frame in (left, ahead, right)]
        centre = [(np.arange(2 * half + 1) * (d - d.min()) ** 2).sum() / ((d - d.min()) ** 2).sum() for d in dark]
        assert centre[0] + 0.5 < centre[1] < centre[2] - 0.5


def test_size_sets_the_longer_side(picture, face):
    small = prepare(picture[:, 40:440], face.of(face.landmarks - np.float32((40, 0, 0)), 1.0), size=320)
    frames = render(small, motion(1, shape=jaw([0.1])))
    assert frames.shape == (1, 320, 250, 3)
    assert largest_face(frames[0], min_size=32).size == pytest.approx(face.size * 320 / 512, rel=0.1)


def test_a_face_cut_off_by_the_picture_moves_less_and_shows_no_streaks(picture, face):
    x0, y0, x1, y1 = (int(v) for v in face.box)
    crop = np.ascontiguousarray(picture[y0 + 8 : y1 + 8, x0 - 6 : x1 + 6])
    tight = prepare(crop, largest_face(crop))
    frame = render(tight, motion(1, pose=pose(12, 6, 5)))[0]
    assert tight.head.room < 1
    for border, inside in ((frame[0], frame[3]), (frame[:, 0], frame[:, 3]), (frame[:, -1], frame[:, -4])):
        assert np.abs(border.astype(int) - inside).mean() > 1  # a border drawn outwards would be constant across


@pytest.mark.parametrize("kind", ["grey", "rolled"])
def test_other_pictures_work_alike(picture, kind):
    import cv2

    if kind == "grey":
        image = np.repeat(picture.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    else:
        turn = cv2.getRotationMatrix2D((224, 110), 25, 1)
        image = cv2.warpAffine(picture, turn, (512, 512), borderMode=cv2.BORDER_REFLECT)
    ready = prepare(image, largest_face(image))
    rest, moved = render(ready, motion(2, shape=jaw([0, 0.15]))).astype(int)
    assert np.mean((rest - image) ** 2) < 2
    mouth = ready.head.landmarks[[13, 14], :2].mean(0)
    changed = np.argwhere(np.abs(moved - rest).max(-1) > 40)[:, ::-1]
    assert len(changed) > 40
    assert np.hypot(*(changed - mouth).T).max() < 1.1 * ready.head.unit
    if kind == "grey":
        assert np.abs(moved - moved.mean(-1, keepdims=True))[np.abs(moved - rest).max(-1) == 0].max() <= 1


def test_motion_rejects_wrong_shapes():
    rest = FaceMotion.rest(3)
    with pytest.raises(ValueError, match="pose"):
        FaceMotion(rest.shape, rest.pose[:2], rest.gaze, rest.blink)
    with pytest.raises(ValueError, match="float32"):
        FaceMotion(rest.shape.astype(float), rest.pose, rest.gaze, rest.blink)
    assert len(FaceMotion.concatenate([rest, rest[1:]])) == 5


@pytest.mark.parametrize("failure", [np.zeros, np.ones])
def test_a_failed_matte_still_gives_a_talking_face(picture, face, monkeypatch, failure):
    from facewright.generate.methods.meshwarp import portrait as module

    monkeypatch.setattr(module, "person_matte", lambda image: failure(image.shape[:2], np.float32))
    ready = prepare(picture, face)
    moved = render(ready, motion(1, shape=jaw([0.15]), pose=pose(4, 2, 2)))[0]
    still = render(ready, FaceMotion.rest(1))[0].astype(int)
    assert np.mean((still - picture) ** 2) < 2
    points, found = ready.head.moved(jaw([0.15])[0], pose(4, 2, 2)), largest_face(moved).landmarks
    assert np.hypot(*(found[:, :2] - points)[:468].T).mean() < 0.03 * (face.box[2] - face.box[0])


def test_large_regions_keep_one_texture_pixel_a_pixel(picture, face, monkeypatch):
    from facewright.generate.methods.meshwarp import portrait as module

    monkeypatch.setattr(module, "_LARGE", 10_000)
    large = prepare(picture, face)
    (x0, y0, x1, y1), (height, width) = large.box, large.layer.shape[:2]
    assert (width, height) == (x1 - x0, y1 - y0)
    rest, opened = render(large, motion(2, shape=jaw([0, 0.15])))
    assert np.mean((rest.astype(int) - picture) ** 2) < 2
    assert largest_face(opened).landmarks[14, 1] > face.landmarks[14, 1] + 0.1 * large.head.unit


@pytest.mark.shared
@pytest.mark.parametrize("person", ["001", "025", "042", "070", "120", "172"])
def test_shape_is_kept_and_landmarks_followed_on_portraits(shared_data, person):
    picture = read_image(shared_data / "portraits" / "london" / f"{person}_03_neutral.jpg")
    face = largest_face(picture)
    portrait = prepare(picture, face, size=512)
    width = (face.box[2] - face.box[0]) * 512 / max(picture.shape[:2])
    parts = {"nose": topology.NOSE, "outline": topology.OVAL, "eyes": np.r_[topology.LEFT_EYE, topology.RIGHT_EYE]}
    asked = motion(5, **{**LIVELY, "pose": LIVELY["pose"] / 2, "blink": 0, "gaze": 0})  # heads that speak turn by ± 6°
    away = np.stack(
        [
            largest_face(frame).landmarks[:, :2] - portrait.head.moved(asked.shape[i], asked.pose[i])
            for i, frame in enumerate(render(portrait, asked))
        ]
    )
    for name, points in {"all": np.arange(468), **parts}.items():
        assert np.linalg.norm(away[:, points], axis=-1).mean() < 0.02 * width, name
