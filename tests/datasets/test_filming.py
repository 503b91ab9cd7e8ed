"""Folders of frames become videos that the rest of the tool reads."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from facewright.core.media import VideoReader
from facewright.datasets.index import read_index
from facewright.datasets.manifest import read_videos
from facewright.datasets.prepare import prepare


@pytest.fixture
def root(tmp_path) -> Path:
    """Two sequences of WildDeepfake: one of twelve frames that grow brighter, one with a broken frame."""
    for place, names in (("real_train/1/real/3", range(1, 13)), ("fake_test/1/fake/3", range(2))):
        folder = tmp_path / "set" / place
        folder.mkdir(parents=True)
        for number in names:
            size = (65, 49) if number < 12 else (90, 70)
            cv2.imwrite(str(folder / f"{number}.png"), np.full((*size[::-1], 3), 15 * number, np.uint8))
    (tmp_path / "set/fake_test/1/fake/3/1.png").write_bytes(b"broken")
    return tmp_path / "set"


def test_frames_become_a_video_in_the_order_of_their_numbers(root, tmp_path):
    out = tmp_path / "index.jsonl"
    made = prepare("wilddeepfake", root, out, splits="none", videos=tmp_path / "videos")
    (entry,) = read_index(out)
    assert (entry.label, entry.encode) == ("genuine", "frames, h264 crf=12")
    assert [each.path for each in made.skipped] == ["set/fake_test/1/fake/3"]
    frames = np.concatenate(list(VideoReader(tmp_path / entry.video)))
    assert frames.shape == (12, 48, 64, 3)
    assert np.abs(frames.mean((1, 2, 3)) - 15 * np.arange(1, 13)).max() < 2
    assert [each.video for each in read_videos(out)] == [str((tmp_path / entry.video).resolve())]
    before = (tmp_path / entry.video).stat().st_mtime_ns
    prepare("wilddeepfake", root, out, splits="none", videos=tmp_path / "videos")
    assert (tmp_path / entry.video).stat().st_mtime_ns == before
    assert len(list((tmp_path / "videos").iterdir())) == 1


def test_without_videos_the_folders_are_listed_and_said(root, tmp_path):
    made = prepare("wilddeepfake", root, tmp_path / "index.jsonl")
    assert len(made.entries) == 2
    assert any("2 clips are folders of frames" in note for note in made.notes)
