"""Against hand-placed templates and real clips: precision of landmarks, cuts, ids. Needs the development data."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from facewright.core.faces import find_faces, track
from facewright.core.faces.cuts import CutDetector
from facewright.core.media import VideoReader, read_image

pytestmark = [pytest.mark.shared, pytest.mark.slow]

TEMPLATE = {  # point of the 189-point template → landmark that means the same place
    0: 468,
    1: 473,  # pupils
    87: 61,
    93: 291,  # corners of the mouth
    18: 33,
    22: 133,
    23: 362,
    27: 263,  # corners of the eyes
    90: 0,
    96: 13,
    106: 17,  # lips on the middle line
}


def template(path: Path) -> np.ndarray:
    lines = path.read_text().split("\n")
    return np.array([line.split()[:2] for line in lines[1 : int(lines[0]) + 1]], float)


def test_landmarks_lie_where_people_put_them(shared_data):
    errors = []
    for path in sorted((shared_data / "portraits/london").glob("*.tem")):
        truth = template(path)
        (face,) = find_faces(read_image(path.with_suffix(".jpg")))
        apart = np.linalg.norm(face.landmarks[[*TEMPLATE.values()], :2] - truth[[*TEMPLATE]], axis=1)
        errors.append(apart / np.linalg.norm(truth[1] - truth[0]))
    errors = np.array(errors)  # shares of the distance between the pupils
    assert len(errors) == 27
    assert errors[:, :2].mean() < 0.013
    assert errors[:, 2:4].mean() < 0.024
    assert errors.mean() < 0.022


def clips(shared_data):
    return sorted((shared_data / "video_real").glob("*.mp*"))


def test_no_cut_is_seen_in_real_shots(shared_data):
    for path in clips(shared_data):
        detect = CutDetector()
        cuts = [i for i, frame in enumerate(frame for chunk in VideoReader(path) for frame in chunk) if detect(frame)]
        assert cuts == [], path.name


def test_every_cut_between_clips_is_seen_and_each_shot_has_one_track(shared_data):
    length = 30

    def chunks():
        for path in clips(shared_data):
            frames = np.concatenate(list(VideoReader(path, seconds=2)))[:length]
            yield np.stack([cv2.resize(frame, (512, 512)) for frame in frames])

    found = list(track(chunks(), fps=25))
    expected = list(range(length, len(found), length))
    assert [frame.index for frame in found if frame.cut] == expected
    assert all(len(frame.faces) == 1 for frame in found)
    ids = [frame.faces[0].track for frame in found]
    assert [i + 1 for i, (a, b) in enumerate(pairwise(ids)) if a != b] == expected
