"""The bench of generated video: its figures say what they should on clips whose answer is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from facewright.core.errors import UsageError
from facewright.core.media import VideoReader, read_image
from facewright.generate.bench.lips import auc, score
from facewright.generate.bench.measures import against, movement, watch
from facewright.generate.bench.run import Bench, means, run


@pytest.fixture(scope="session")
def watched(portrait_path):
    """A still face for half a second, and the same moved by three pixels and blurred."""
    import cv2

    picture = read_image(portrait_path)
    moved = cv2.GaussianBlur(np.roll(picture, 3, axis=1), (0, 0), 3)
    return tuple(watch(iter([np.repeat(each[None], 12, 0)]), 25) for each in (picture, moved))


def test_a_clip_equals_itself(watched):
    still, _ = watched
    figures = against(still, still)
    assert figures["psnr"] > 100
    assert figures["ssim"] == pytest.approx(1)
    assert figures["mouth"] == figures["face"] == figures["shape"] == 0


def test_a_moved_and_blurred_clip_does_not(watched):
    still, moved = watched
    figures = against(moved, still)
    assert 15 < figures["psnr"] < 35
    assert figures["ssim"] < 0.95
    eyes = np.linalg.norm(still.landmarks[0, 33, :2] - still.landmarks[0, 263, :2])
    assert figures["face"] == pytest.approx(
        300 / eyes, rel=0.35
    )  # three pixels, and what the tracker makes of the blur
    assert np.nanmean(moved.sharpness) < np.nanmean(still.sharpness) - 0.1


def test_a_still_clip_does_not_move(watched):
    figures = movement(watched[0])
    assert figures["head_degrees"] < 0.2
    assert figures["blinks_per_minute"] == 0


def test_lips_that_follow_the_phones_score_high():
    rng = np.random.default_rng(0)
    heard, lips = [], np.full(250, 0.15)
    for start in np.arange(0.2, 9.5, 0.31):
        name = ("P", "AA")[rng.integers(2)]
        heard.append((name, start, start + 0.12))
        lips[round(start * 25) : round((start + 0.16) * 25)] = 0.02 if name == "P" else 0.3
    assert score(lips, 25, heard)[0] == 1
    assert score(rng.permutation(lips), 25, heard)[0] < 0.85
    assert math.isnan(score(lips, 25, heard[:3])[0])
    assert auc(np.array([1.0, 2]), np.array([2.0, 3])) == pytest.approx(0.875)


def test_means_leave_out_what_could_not_be_judged():
    rows = [{"method": "a", "clip": "x", "auc": 0.5}, {"method": "a", "clip": "y", "auc": math.nan}]
    assert means(rows) == {"a": {"auc": 0.5}}


def test_nothing_to_do_is_said():
    with pytest.raises(UsageError):
        run(Bench(["meshwarp"]))


@pytest.mark.slow
def test_the_command_measures_and_writes(portrait_path, speech_path, tmp_path):
    pytest.importorskip("pocketsphinx")
    from facewright.cli.main import run as command
    from facewright.generate import load

    clip = tmp_path / "clip.mp4"
    load()(portrait_path, speech_path, seconds=2, size=384).save(clip)
    words = ["bench", "generate", "--clip", clip, "--portrait", portrait_path, "--voice", speech_path, "--seconds", 2]
    assert command([str(word) for word in [*words, "--size", 384, "--out", tmp_path / "out", "--quiet"]]) == 0
    found = json.loads((tmp_path / "out" / "generate.json").read_text())
    means = found["means"]["reenacted"]
    assert means["meshwarp"]["ssim"] > means["still portrait"]["ssim"] - 0.005  # in two seconds marks differ by as much
    assert means["meshwarp"]["mouth"] < 0.8 * means["still portrait"]["mouth"]
    assert means["meshwarp"]["face"] < 0.8 * means["still portrait"]["face"]
    assert found["speed"]["meshwarp"]["fps_render"] > 1
    assert VideoReader(tmp_path / "out" / "side-by-side.mp4").width == 2 * 384
    assert "| meshwarp |" in (tmp_path / "out" / "generate.md").read_text()
