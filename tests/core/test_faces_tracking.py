"""Tracks keep their ids through a shot, end at cuts, and need no memory that grows."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from facewright.core.faces import track
from facewright.core.faces.cuts import CutDetector


@pytest.fixture(scope="module")
def picture(portrait_path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(portrait_path))[40:296, 96:352, ::-1])


def shots(picture) -> np.ndarray:
    """Ten frames of a portrait that sways, then ten of it dimmer and closer on another ground."""
    close = cv2.resize(picture[20:200, 40:220], (256, 256)) // 2 + 20
    close[:, :30] = [30, 60, 160]
    sway = [np.roll(picture, int(4 * np.sin(i / 2)), axis=1) for i in range(10)]
    return np.stack(sway + [np.roll(close, int(4 * np.sin(i / 2)), axis=0) for i in range(10)])


def test_ids_hold_in_a_shot_and_change_at_the_cut(picture):
    frames = list(track([shots(picture)], fps=25))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.index for frame in frames if frame.cut] == [10]
    assert [[face.track for face in frame.faces] for frame in frames] == [[0]] * 10 + [[1]] * 10


def test_chunks_do_not_matter(picture):
    video = shots(picture)
    for sizes in ((1,) * 20, (7, 13)):
        chunks = np.split(video, np.cumsum(sizes)[:-1])
        for one, other in zip(track([video], fps=25), track(chunks, fps=25), strict=True):
            assert one.cut == other.cut
            assert np.array_equal(one.faces[0].face.landmarks, other.faces[0].face.landmarks)


def test_two_people_who_cross_heights_keep_their_ids(picture):
    frames = []
    for i in range(12):  # the left one shrinks while the right one grows, so that the order by size turns over
        left = cv2.warpAffine(picture, cv2.getRotationMatrix2D((128, 90), 0, 1.2 - i / 25), (256, 256))
        right = cv2.warpAffine(picture[:, ::-1], cv2.getRotationMatrix2D((128, 90), 0, 0.8 + i / 25), (256, 256))
        frames.append(np.hstack([left, right]))
    found = list(track([np.stack(frames)], fps=25))
    ids = [{face.face.box[0] < 256: face.track for face in frame.faces} for frame in found]
    assert all(len(frame) == 2 and frame == ids[0] for frame in ids)
    assert found[0].faces[0].track != found[-1].faces[0].track  # largest first


def test_a_face_that_is_hidden_a_moment_comes_back_under_its_id(portrait_path):
    picture = np.ascontiguousarray(cv2.imread(str(portrait_path))[..., ::-1])
    hidden = picture.copy()
    hidden[10:200, 150:300] = 180
    video = np.stack([picture] * 6 + [hidden] * 6 + [picture] * 6)
    ids = [[face.track for face in frame.faces] for frame in track([video], fps=25)]
    assert ids[:6] == ids[-6:] == [[0]] * 6
    assert ids[8] == []


def test_a_clip_without_faces():
    noise = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), dtype=np.uint8)
    assert [frame.faces for frame in track([noise], fps=25)] == [[]] * 4
    assert list(track([], fps=25)) == []


def test_cuts_are_sudden_changes_only(picture):
    pan = [np.roll(picture, 6 * i, axis=1) for i in range(20)]
    fade = [(picture * (1 - i / 20)).astype(np.uint8) for i in range(20)]
    grain = np.random.default_rng(1).normal(0, 8, (9, *picture.shape))
    still = list(np.clip(picture + grain, 0, 255).astype(np.uint8))
    for clip in (pan, fade, still):
        detect = CutDetector()
        assert not any(detect(frame) for frame in clip)
    other = cv2.GaussianBlur(np.random.default_rng(9).integers(0, 256, (256, 256, 3), dtype=np.uint8), (0, 0), 20) * 3
    detect = CutDetector()
    assert [detect(frame) for frame in (*still, other, other, picture, picture, other)] == [False] * 9 + [
        *(True, False, True, False, True)
    ]


def test_memory_is_flat(picture):
    def chunks(count):
        for i in range(count):
            yield np.roll(picture, i % 7, axis=1)[None]

    peaks = []
    for count in (20, 80):
        tracemalloc.start()
        for _ in track(chunks(count), fps=25):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.05 + 100_000
