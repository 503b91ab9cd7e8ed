"""The target: refused before work begins, held by one run, reached in one step, cleaned after the dead."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from facewright.core.errors import MachineError, UsageError
from facewright.provenance import check_target, target
from facewright.provenance.target import claim


def code(call, *args, **options) -> str:
    with pytest.raises((UsageError, MachineError)) as caught:
        call(*args, **options)
    assert caught.value.hint
    return caught.value.code


def test_targets_that_cannot_be(tmp_path, monkeypatch):
    (tmp_path / "old.mp4").write_bytes(b"old")
    (tmp_path / "folder.mp4").mkdir()
    assert code(check_target, tmp_path / "clip.avi") == "output_format"
    assert code(check_target, tmp_path / "clip") == "output_format"
    assert code(check_target, tmp_path / "absent" / "clip.mp4") == "no_folder"
    assert code(check_target, tmp_path / "old.mp4" / "clip.mp4") == "no_folder"
    assert code(check_target, tmp_path / "folder.mp4") == "output_is_folder"
    assert code(check_target, tmp_path / "old.mp4") == "output_exists"
    os.link(tmp_path / "old.mp4", tmp_path / "same.mp4")
    assert code(check_target, tmp_path / "old.mp4", True, [tmp_path / "same.mp4"]) == "output_is_input"
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert code(check_target, tmp_path / "clip.mp4") == "read_only"
    assert sorted(os.listdir(tmp_path)) == ["folder.mp4", "old.mp4", "same.mp4"]


@pytest.mark.parametrize(
    "name", ["clip.mp4", "clip.MOV", "größe – 1 'x' \"y\".m4v", "x" * 251 + ".mp4", "-.mp4", ".mp4.mp4"]
)
def test_targets_that_can(tmp_path, name):
    path = check_target(tmp_path / name)
    with claim(path) as held:
        part = held.temporary()
        part.write_bytes(b"new")
        assert part.suffix == path.suffix.lower()
        held.publish(part, force=False)
    assert os.listdir(tmp_path) == [name]
    assert check_target(path, force=True) == path


def test_one_run_at_a_time(tmp_path):
    path = tmp_path / "clip.mp4"
    with claim(path) as held:
        part = held.temporary()
        part.write_bytes(b"first")
        assert code(claim(path).__enter__) == "busy"
        with claim(tmp_path / "other.mp4"):  # another target in the folder: no hindrance, and no cleaning of the living
            pass
        assert part.exists()
        held.publish(part, force=False)
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["clip.mp4"]


def test_a_file_that_appears_meanwhile_is_left(tmp_path):
    path = tmp_path / "clip.mp4"
    with claim(path) as held:
        part = held.temporary()
        part.write_bytes(b"ours")
        path.write_bytes(b"theirs")
        assert code(held.publish, part, force=False) == "output_exists"
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["clip.mp4"]


@pytest.mark.parametrize("exists", [False, True])
def test_a_file_system_without_links(tmp_path, monkeypatch, exists):
    def no_link(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_link)
    path = tmp_path / "clip.mp4"
    with claim(path) as held:
        part = held.temporary()
        part.write_bytes(b"ours")
        if exists:
            path.write_bytes(b"theirs")
            assert code(held.publish, part, force=False) == "output_exists"
        else:
            held.publish(part, force=False)
    assert path.read_bytes() == (b"theirs" if exists else b"ours")


def test_force_replaces(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"old")
    with claim(path) as held:
        part = held.temporary()
        part.write_bytes(b"new")
        held.publish(part, force=True)
    assert path.read_bytes() == b"new"


def test_left_overs_of_the_dead_go_and_nothing_else(tmp_path):
    dead = [".a.mp4.facewright-999999-0a1b2c3d.tmp.mp4", ".a.mp4.facewright.lock", ".b.mov.facewright-1-ff.tmp.mov"]
    kept = [".c.mp4.facewright-backup.mp4", "d.mp4", ".facewright", "e.facewright-1-ff.tmp.mp4"]
    for name in dead + kept:
        (tmp_path / name).touch()
    with claim(tmp_path / "new.mp4"):
        assert not set(dead) & set(os.listdir(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_a_lock_is_not_followed_through_a_link(tmp_path):
    (tmp_path / "precious").write_bytes(b"x")
    os.symlink(tmp_path / "precious", tmp_path / ".clip.mp4.facewright.lock")
    with pytest.raises((UsageError, MachineError)), claim(tmp_path / "clip.mp4"):
        pass
    assert (tmp_path / "precious").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, "disk_full"), (errno.EFBIG, "disk_full"), (errno.EROFS, "read_only"), (errno.EIO, "disk")],
)
def test_what_the_disk_says(number, expected):
    error = target.disk_error(OSError(number, "…"), Path("clip.mp4"))
    assert error.code == expected
    assert "clip.mp4" in error.message
