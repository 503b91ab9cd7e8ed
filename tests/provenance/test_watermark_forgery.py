"""Marks made by those who have only marked pictures: averaged out of many, and stamped on another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from facewright.core.media import VideoWriter
from facewright.provenance import VideoMarker, verify
from facewright.provenance.watermark import read_mark

from .conftest import FPS, SIZE


def crops(picture: np.ndarray, count: int) -> np.ndarray:
    """Pictures (count, SIZE, SIZE, 3), no two alike."""
    draw = np.random.default_rng(4)
    found = []
    for _ in range(count):
        x, y = draw.integers(0, 512 - SIZE, 2)
        crop = picture[y : y + SIZE, x : x + SIZE]
        found.append(np.rot90(crop, draw.integers(4)) if draw.integers(2) else crop[:, ::-1])
    return np.stack(found)


def averaged(pictures: np.ndarray, ids: list[str]) -> np.ndarray:
    """What is common to the fine detail of pictures, each marked with its id: float32 (SIZE, SIZE), rms 1.5."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for picture, record_id in zip(pictures, ids, strict=True):
        marked = VideoMarker(record_id, width=SIZE, height=SIZE, fps=FPS).mark(picture[None], 0)[0]
        grey = cv2.cvtColor(marked, cv2.COLOR_RGB2GRAY).astype(np.float32)
        total += np.clip(grey - cv2.GaussianBlur(grey, (0, 0), 2), -4, 4)
    return total * 1.5 / np.sqrt(np.mean(total**2))


def stamped(pattern: np.ndarray, count: int = 12) -> np.ndarray:
    """A video of something else, with the pattern laid over it."""
    draw = np.random.default_rng(11)
    wide = cv2.resize(draw.integers(0, 255, (12, 12, 3), np.uint8), (300, 300), interpolation=cv2.INTER_CUBIC)
    still = np.clip(wide, 30, 225).astype(np.float32)
    frames = np.stack([still[k // 2 : SIZE + k // 2, k % 40 : SIZE + k % 40] for k in range(count)])
    return np.clip(frames + pattern[None, ..., None], 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures(picture: np.ndarray) -> np.ndarray:
    return crops(picture, 100)


def test_a_hundred_marks_averaged_name_no_record(pictures):
    draw = np.random.default_rng(2)
    ids = [draw.bytes(8).hex() for _ in pictures]
    reading = read_mark([stamped(averaged(pictures, ids))])
    assert not reading.found
    assert reading.record_id is None


def test_one_record_averaged_over_its_frames_is_a_copy_and_named_so(pictures, sealed, tmp_path):
    """The control of the test above: with one id in all of them the averaging works."""
    frames = stamped(averaged(pictures, [sealed.record_id] * len(pictures)), 50)
    assert read_mark([frames]).record_id == sealed.record_id
    with VideoWriter(tmp_path / "x.mp4", width=SIZE, height=SIZE, fps=FPS) as writer:
        writer.write(frames)
    found = verify(tmp_path / "x.mp4")
    assert (found.state, found.exit_code) == ("recovered-mismatch", 10)
