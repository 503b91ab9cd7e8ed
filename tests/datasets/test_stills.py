"""Pictures of an index become clips of one frame, once, and pictures without a face none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.datasets.index import Entry
from facewright.datasets.stills import is_still, still_crops


def entry(path) -> Entry:
    return Entry(str(path), "genuine", path.stem, path.stem, "A: own")


def test_a_picture_is_a_clip_of_one_frame(portrait_path, tmp_path, monkeypatch):
    plain = tmp_path / "plain.png"
    cv2.imwrite(str(plain), np.full((200, 200, 3), 128, np.uint8))
    entries = [entry(portrait_path), entry(plain)]
    (clip,) = still_crops(entries, tmp_path / "cache", size=128, margin=0.2)
    assert clip.length == 1
    assert clip.frames.shape == (1, 128, 128, 3)
    assert clip.landmarks.shape == (1, 478, 3)
    assert (np.abs(clip.landmarks[0, :, :2].mean(0) - 64) < 20).all()

    def never(*_):
        raise AssertionError("cut twice")

    monkeypatch.setattr("facewright.datasets.stills._cut", never)
    (again,) = still_crops(entries, tmp_path / "cache", size=128, margin=0.2)
    np.testing.assert_array_equal(again.frames, clip.frames)


def test_what_is_no_picture_is_told(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    assert is_still(entry(tmp_path / "x.jpg"))
    assert not is_still(entry(tmp_path / "x.mp4"))
    with pytest.raises(InputError):
        still_crops([entry(tmp_path / "x.jpg")], tmp_path / "cache")
