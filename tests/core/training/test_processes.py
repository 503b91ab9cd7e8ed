"""How a batch is dealt out: to parts, to processes; the curve stays the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from facewright.core.errors import InputError, UsageError
from facewright.core.training.feed import _Steps
from facewright.core.training.tensors import read_tensors


def curve(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def close(one: list[dict[str, float]], other: list[dict[str, float]]) -> bool:
    return [*map(dict.keys, one)] == [*map(dict.keys, other)] and all(
        line == pytest.approx(there, rel=1e-3, abs=1e-5) for line, there in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def alone(toy, tmp_path_factory) -> list[dict[str, float]]:
    folder = tmp_path_factory.mktemp("alone")
    toy.train(folder, plain=True)
    return curve(folder)


@pytest.mark.parametrize(("count", "micro"), [(1, None), (1, 3), (2, None), (3, 2), (8, 1)])
def test_every_sample_is_dealt_out_once(toy, count, micro):
    class Machine:
        pass

    positions, shares = [], 0.0
    for index in range(count):
        machine = Machine()
        machine.index, machine.count = index, count
        stage = toy.Toy(at=positions.append)
        parts = _Steps(stage, machine, micro)[3]
        assert all(len(batch["x"]) <= (micro or 8) for _, batch in parts)
        shares += sum(share for share, _ in parts)
    assert sorted(positions) == list(range(24, 32))
    assert shares == pytest.approx(count)  # a mean over processes of sums over parts


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_a_worker_is_the_error_it_was(toy, tmp_path, workers):
    def fail(position):
        if position == 20:
            raise InputError("unreadable", "that file is broken", "mend it")

    with pytest.raises(InputError) as caught:
        toy.train(tmp_path, at=fail, workers=workers)
    assert (caught.value.code, caught.value.message, caught.value.hint) == (
        "unreadable",
        "that file is broken",
        "mend it",
    )


def test_parts_give_the_same_curve(toy, alone, tmp_path):
    toy.train(tmp_path, plain=True, micro_batch=3)
    assert close(curve(tmp_path), alone)


def _one_of(index: int, port: int, toy, folder: Path, **wishes) -> None:
    from accelerate.state import PartialState

    PartialState._reset_state()  # the parent's, which was alone
    os.environ |= {"RANK": str(index), "LOCAL_RANK": str(index), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    toy.train(folder, **wishes)


def two(toy, folder: Path, *wishes: dict) -> list[int | None]:
    """Train in two processes, each with wishes of its own; their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    each = [fork.Process(target=_one_of, args=(n, port, toy, folder), kwargs=wish) for n, wish in enumerate(wishes)]
    for process in each:
        process.start()
    for process in each:
        process.join(60)
    codes = [process.exitcode for process in each]
    for process in each:
        process.kill()
    return codes


def test_two_processes_give_the_same_curve(toy, alone, tmp_path):
    assert two(toy, tmp_path, {"plain": True}, {"plain": True}) == [0, 0]
    assert close(curve(tmp_path), alone)
    assert json.loads((tmp_path / "environment.json").read_text())[0]["processes"] == 2


def test_two_processes_stop_together_and_go_on(toy, left, tmp_path):
    def stop(position):
        if position == 10 * 8 + 1:  # a sample of the second process in step 11
            os.kill(os.getpid(), signal.SIGTERM)

    whole, parted = tmp_path / "whole", tmp_path / "parted"
    assert two(toy, whole, {}, {}) == [0, 0]
    first, second = two(toy, parted, {}, {"at": stop})
    assert second == -signal.SIGTERM
    assert first != 0
    assert read_tensors(parted / "checkpoint.safetensors")[1]["step"] == 11
    assert two(toy, parted, {}, {}) == [0, 0]
    assert left(parted).same(left(whole))


@pytest.mark.slow
def test_two_processes_of_accelerate_launch(alone, tmp_path):
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--main_process_port", "0", str(Path(__file__).with_name("toy.py")), str(tmp_path)]
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(launch, env=own, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert close(curve(tmp_path), alone)
    assert json.loads((tmp_path / "environment.json").read_text())[0]["processes"] == 2


def test_more_processes_than_samples_are_refused(toy, tmp_path, monkeypatch):
    from facewright.core.training.machine import Machine

    build = Machine.__init__

    def many(self, *args, **kwargs):
        build(self, *args, **kwargs)
        self.count = 9

    monkeypatch.setattr(Machine, "__init__", many)
    monkeypatch.setattr(Machine, "broadcast", lambda self, tensors: None)
    with pytest.raises(UsageError, match="9 processes cannot share 8 samples"):
        toy.train(tmp_path)
