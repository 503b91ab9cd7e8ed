"""A run that was interrupted, in any way, ends as one that was not: to the last bit."""

from __future__ import annotations

import os
import resource
import signal

import pytest
from facewright.core.errors import FacewrightError, MachineError
from facewright.core.training import tensors as tensor_files


class Stopped(Exception):
    """Raised from a progress callback: what an error of any kind does to a run."""


def stop_at(step: int):
    def progress(now):
        if now.done == step:
            raise Stopped

    return progress


def kill_at(step: int, number: int = signal.SIGKILL):
    def progress(now):
        if now.done == step:
            os.kill(os.getpid(), number)

    return progress


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_in_three_pieces(toy, straight, left, tmp_path, workers):
    with pytest.raises(Stopped):
        toy.train(tmp_path, save_seconds=0, progress=stop_at(9), workers=workers)
    with pytest.raises(Stopped):
        toy.train(tmp_path, progress=stop_at(17))  # nothing is saved: what it logged must go
    toy.train(tmp_path, workers=workers)
    assert left(tmp_path).same(straight)


def test_killed_between_checkpoints(toy, straight, left, apart, tmp_path):
    code = apart(toy.train, tmp_path, save_seconds=0, progress=kill_at(13))
    assert code == -signal.SIGKILL
    assert (tmp_path / "checkpoint.safetensors").exists()
    toy.train(tmp_path)
    assert left(tmp_path).same(straight)


def _killed_while_writing(toy, folder, monkeypatch):
    """Half of the eighth checkpoint reaches the disk."""
    whole, count = tensor_files.save_file, 0

    def half(content, path, facts):
        nonlocal count
        count += 1
        whole(content, path, facts)
        if count == 8:
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(tensor_files, "save_file", half)
    toy.train(folder, save_seconds=0)


def test_killed_in_the_middle_of_a_checkpoint(toy, straight, left, apart, tmp_path, monkeypatch):
    assert apart(_killed_while_writing, toy, tmp_path, monkeypatch) == -signal.SIGKILL
    assert (tmp_path / "checkpoint.safetensors.part").exists()
    _, facts = tensor_files.read_tensors(tmp_path / "checkpoint.safetensors")
    assert facts["step"] == 7
    toy.train(tmp_path)
    assert left(tmp_path).same(straight)
    assert not (tmp_path / "checkpoint.safetensors.part").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_saves_the_step_first(toy, straight, left, apart, tmp_path, number):
    code = apart(toy.train, tmp_path, progress=kill_at(11, number))
    assert code == (-signal.SIGTERM if number == signal.SIGTERM else 1)  # Ctrl-C became a KeyboardInterrupt
    _, facts = tensor_files.read_tensors(tmp_path / "checkpoint.safetensors")
    assert facts["step"] == 11
    toy.train(tmp_path)
    assert left(tmp_path).same(straight)


def test_a_finished_run_stays_as_it_is(toy, tmp_path):
    said = toy.train(tmp_path, steps=4)
    stamp = (tmp_path / "weights" / "maker.safetensors").stat().st_mtime_ns
    assert toy.train(tmp_path, steps=4) == said
    assert (tmp_path / "weights" / "maker.safetensors").stat().st_mtime_ns == stamp


def test_another_seed_is_another_result(toy, straight, left, tmp_path, monkeypatch):
    monkeypatch.setattr(toy.Toy, "seed", 6, raising=False)
    build = toy.Toy.__init__

    def other(self, *args, **kwargs):
        build(self, *args, **kwargs)
        self.seed = 6

    monkeypatch.setattr(toy.Toy, "__init__", other)
    toy.train(tmp_path)
    assert not left(tmp_path).same(straight)


def _short_of_room(toy, folder, room):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        toy.train(folder, save_seconds=0, progress=stop_at(12))
    except FacewrightError as error:
        os._exit(40 if (error.code, error.exit_code) == ("disk_full", 4) else 41)


def test_a_full_disk_leaves_the_former_checkpoint(toy, straight, left, apart, tmp_path):
    with pytest.raises(Stopped):
        toy.train(tmp_path, save_seconds=0, progress=stop_at(7))
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    assert apart(_short_of_room, toy, tmp_path, len(before) - 100) == 40
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    assert not (tmp_path / "checkpoint.safetensors.part").exists()
    toy.train(tmp_path)
    assert left(tmp_path).same(straight)


def test_two_runs_cannot_share_a_folder(toy, tmp_path):
    def meet(now):
        with pytest.raises(MachineError) as caught:
            toy.train(tmp_path, steps=2)
        assert caught.value.code == "busy"

    toy.train(tmp_path, steps=2, progress=meet)
