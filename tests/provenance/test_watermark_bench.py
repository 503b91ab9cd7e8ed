"""The bench of attacks: what it runs, counts and says."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from facewright.core.errors import UsageError
from facewright.core.media import VideoReader, VideoWriter
from facewright.provenance.watermark.bench import attacks, clips, negatives, quality, run, schemes, show

from .conftest import FPS, moving

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg")


@pytest.fixture(scope="module")
def clip(picture, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "still.mp4"
    with VideoWriter(path, width=256, height=256, fps=FPS) as writer:
        for frames in moving(picture, frames=30):
            writer.write(frames)
    return path


def test_the_lists():
    assert len(attacks.EVERYDAY) == 39
    names = [attack.name for suite in attacks.SUITES.values() for attack in suite]
    assert len(set(names)) == len(names)
    assert attacks.named(["none", "everyday"])[0].name == "none"
    assert len(attacks.named(["none", "everyday"])) == 39


def test_what_there_is_not():
    with pytest.raises(UsageError, match="no attack 'fire'"):
        attacks.named(["fire"])
    with pytest.raises(UsageError, match="no peer"):
        schemes.schemes(["nobody"])


@needs_ffmpeg
def test_what_cannot_be_run_is_not_counted(clip, tmp_path, monkeypatch):
    unknown = attacks.Attack("alien codec", encoder="libalien -crf 3")
    assert unknown.missing == "libalien"
    assert dataclasses.replace(unknown, filters="alien=1", encoder="").missing == "alien"
    monkeypatch.setattr(run, "named", lambda _: (unknown,))
    result = run.run([clip], scratch=tmp_path)
    assert result["totals"] == {"facewright": {"exact": 0, "run": 0, "not_run": 1}}
    assert "FFmpeg lacks libalien" in show.table(result)


@pytest.fixture(scope="module")
def result(clip, tmp_path_factory) -> dict:
    names = ["none", "horizontal flip", "jpeg 50", "crop 10 %, back", "h264 crf 23"]
    return run.run([clip], attacks=names, scratch=tmp_path_factory.mktemp("scratch"))


@needs_ffmpeg
def test_a_run(result):
    (row,) = result["clips"]
    assert [cell["outcome"] for cell in row["cells"]] == ["exact"] * 5
    assert result["totals"]["facewright"] == {"exact": 5, "run": 5, "not_run": 0}
    assert (row["width"], row["height"], row["frames"]) == (256, 256, 30)
    assert 40 < row["quality"]["psnr_y"] < 55
    assert row["quality"]["ssim_y"] > 0.97
    if row["quality"]["vmaf"] is not None:
        assert 80 < row["quality"]["vmaf"] < row["quality"]["vmaf_ceiling"] <= 100
    assert json.loads(json.dumps(result)) == result


@needs_ffmpeg
def test_its_table_and_its_picture(result):
    text = show.table(result)
    assert "| jpeg 50 | yes" in text
    assert "5 of 5 cells exact" in text
    assert len(list(ElementTree.fromstring(show.plot(result)).iter("{http://www.w3.org/2000/svg}rect"))) == 1 + 5


def test_many_clips_are_counted():
    quality = {"psnr_y": 48.0, "ssim_y": 0.99, "vmaf": None, "vmaf_ceiling": None, "plain": None}
    row = {"scheme": "facewright", "quality": quality, "width": 256, "height": 256, "embed_ms": 1.0}
    outcomes = ["exact"] * 7 + ["missed", "not run"]
    rows = [
        row | {"name": f"{index}", "cells": [{"attack": "blur 1", "outcome": outcome, "reason": "no blur"}]}
        for index, outcome in enumerate(outcomes)
    ]
    text = show.table({"clips": rows, "totals": {}})
    assert "| blur 1 | facewright | 7 | 8 | 87.5 % |" in text


def test_a_folder_stands_for_its_videos(tmp_path):
    for name in ("b.mp4", "a.MOV", "notes.txt"):
        (tmp_path / name).touch()
    other = Path("elsewhere.mp4")
    assert clips.gathered([other, tmp_path]) == [other, tmp_path / "a.MOV", tmp_path / "b.mp4"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no video"):
        clips.gathered([tmp_path / "empty"])


@needs_ffmpeg
def test_a_missed_mark_is_said(clip, tmp_path):
    deaf = dataclasses.replace(schemes.OURS, marker=lambda *_: lambda frames, _: frames)
    ready = clips.prepare(clip, tmp_path, deaf, 1.0)
    assert quality.compare(ready.marked, ready.before)["ssim_y"] == 1
    cell = run._cell("facewright", ready, attacks.named(["none"])[0])
    assert cell["outcome"] == "missed"
    assert cell["p_value"] > 1e-3


@needs_ffmpeg
@pytest.mark.parametrize("name", ["rotate 10", "perspective", "screen recording"])
def test_attacks_change_the_picture(name, clip, tmp_path):
    attacks.named([name])[0].run(clip, tmp_path / "out.mkv")
    after = next(iter(VideoReader(tmp_path / "out.mkv")))
    before = next(iter(VideoReader(clip)))
    assert after.shape != before.shape or np.abs(after.astype(int) - before).mean() > 3


def test_false_alarms_are_counted(clip, tmp_path):
    (tmp_path / "text.txt").write_text("no picture")
    found = negatives.count([clip, tmp_path / "text.txt"], readings=14)
    assert found["found"] == 0
    assert found["files"] == found["unreadable"] == 1
    assert found["marked_by_others"] == 1
    assert found["readings"] >= 10
    assert found["smallest_p"] > 1e-4
    assert 0 < found["fitted_rate"] < 1e-3
