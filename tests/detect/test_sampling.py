"""Which parts are looked at, and who is who."""

import itertools

import cv2
import pytest
from facewright.core.errors import UsageError
from facewright.core.faces import largest_face
from facewright.detect.identity import Likeness, group
from facewright.detect.sampling import SPAN_SECONDS, spans
from hypothesis import given
from hypothesis import strategies as st

from .conftest import shaken


def test_short_videos_are_seen_whole_and_long_ones_for_a_minute():
    assert spans(42.0, None, 10) == [(0.0, 42.0)]
    parts = spans(3600.0, None, 10)
    assert sum(length for _, length in parts) == pytest.approx(60)
    assert parts[0][0] == 0
    assert sum(parts[-1]) == pytest.approx(3600)


@given(st.floats(0.1, 1e5), st.floats(0.01, 30))
def test_spans_lie_inside_in_order_and_within_the_budget(seconds, fps):
    parts = spans(seconds, fps, 10.0)
    assert all(start >= 0 and start + length <= seconds + 1e-6 for start, length in parts)
    assert all(a[0] + a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(parts))
    looked = sum(length for _, length in parts)
    assert looked <= max(seconds * min(1.0, fps / 10), SPAN_SECONDS) + 1e-6


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_rate_must_be_a_rate(fps):
    with pytest.raises(UsageError):
        spans(10.0, fps, 10.0)


def test_tracks_of_one_face_are_grouped_and_others_are_not(portrait):
    def likeness(picture):
        one = Likeness()
        for frame in shaken(picture, 6, noise=3)[::2]:
            one.add(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), largest_face(frame).landmarks)
        return one

    other = cv2.GaussianBlur(portrait[:, ::-1], (0, 0), 2)  # a mirrored, blurred face is another to this measure
    tracks = [likeness(portrait), likeness(other), likeness((portrait * 0.8).astype("uint8"))]
    assert group([track.mean for track in tracks]) == [0, 1, 0]
