"""Processes that die at the worst moment, and disks that fill up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from facewright.provenance import Store, read_mark

CHILD = """
import importlib, json, resource, sys, time
import numpy as np, cv2
from facewright.core.errors import FacewrightError
from facewright.provenance import Draft, seal

target, picture, record_id, hang, limit = sys.argv[1:]
picture = np.load(picture)
sealing = importlib.import_module("facewright.provenance.sealing")

def chunks():
    for index in range(15 if hang != "encode" else 10_000):
        if hang == "encode" and index == 15:
            print("hanging", flush=True)
        yield np.stack([np.roll(picture, index * 5 + k, axis=1) for k in range(5)])
        if hang == "encode" and index >= 15:
            time.sleep(0.05)

def hang_here(*_, **__):
    print("hanging", flush=True)
    time.sleep(600)

if hang == "sign":
    sealing.sign = hang_here
if hang == "check":
    sealing.read_mark = hang_here
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    seal(chunks(), target, draft=Draft("roll", "1", {}, 0, {}), fps=25, width=256, height=256, record_id=record_id)
except FacewrightError as error:
    print(json.dumps(error.to_dict()))
    sys.exit(error.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
"""
RECORD = "0123456789abcdef"


@pytest.fixture(scope="module")
def picture_file(picture, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "picture.npy"
    np.save(path, cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA))
    return path


@pytest.fixture
def child(picture_file, tmp_path):
    (tmp_path / "out").mkdir()

    def child(hang: str = "", limit: int = 0) -> subprocess.Popen[str]:
        target = tmp_path / "out" / "clip.mp4"
        command = [sys.executable, "-c", CHILD, str(target), str(picture_file), RECORD, hang, str(limit)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)

    return child


def until_it_hangs(run: subprocess.Popen[str]) -> None:
    assert run.stdout
    assert run.stdout.readline() == "hanging\n"


@pytest.mark.parametrize("stage", ["encode", "sign", "check"])
def test_killed_at_any_stage_and_cleaned_by_the_next_run(child, tmp_path, stage):
    run = child(stage)
    until_it_hangs(run)
    run.kill()
    assert run.wait(300) == -signal.SIGKILL
    names = os.listdir(tmp_path / "out")
    assert "clip.mp4" not in names
    videos = [tmp_path / "out" / name for name in names if name.endswith(".mp4")]
    assert videos
    assert all(path.name.startswith(".clip.mp4.facewright-") for path in videos)
    if stage != "encode":  # whole files: hidden, unsigned or unchecked, but never unmarked
        assert {read_mark(path).record_id for path in videos} == {RECORD}
    assert len(Store()) == 0

    assert child().wait(300) == 0
    assert os.listdir(tmp_path / "out") == ["clip.mp4"]
    assert len(Store()) == 1


@pytest.mark.parametrize("stage", ["encode", "sign", "check"])
def test_interrupted_at_any_stage(child, tmp_path, stage):
    run = child(stage)
    until_it_hangs(run)
    run.send_signal(signal.SIGINT)
    assert run.wait(300) == 130
    assert os.listdir(tmp_path / "out") == []
    assert len(Store()) == 0


def test_a_run_beside_a_living_one_does_not_clean_its_files(child, tmp_path):
    run = child("sign")
    until_it_hangs(run)
    try:
        second = child()
        out, _ = second.communicate(timeout=300)
        assert second.returncode == 4
        assert json.loads(out)["code"] == "busy"
        assert any(name.endswith(".tmp.mp4") for name in os.listdir(tmp_path / "out"))
    finally:
        run.kill()
        run.wait(300)


@pytest.mark.parametrize("where", ["encoding", "signing"])
def test_a_full_disk(child, tmp_path, where):
    """A limit on the size of files stands in for a full disk: the kernel says EFBIG in place of ENOSPC."""
    limit = 8_000
    if where == "signing":  # room for the encoded file, not for the signed copy
        assert child().wait(300) == 0
        target = tmp_path / "out" / "clip.mp4"
        limit = target.stat().st_size - 6_000
        target.unlink()
    rows = len(Store())
    run = child(limit=limit)
    out, _ = run.communicate(timeout=300)
    assert run.returncode == 4, out
    error = json.loads(out)
    assert error["code"] == "disk_full"
    assert ".tmp." not in error["message"]
    assert os.listdir(tmp_path / "out") == []
    assert len(Store()) == rows
