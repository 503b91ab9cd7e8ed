"""Many items, several processes: results in order, and a process that crashes or hangs takes no other with it."""

from __future__ import annotations

import os
import time

import pytest
from facewright.core.errors import MachineError, UsageError
from facewright.detect.pipeline import Stages, ahead
from facewright.detect.workers import chosen, in_processes, on_ray

TASKS = """
import os, signal, time
from facewright.core.progress import Progress

def nap(item, progress):
    time.sleep(item)
    progress(Progress("nap", 1))
    return item, os.getpid()

def odd(item, progress):
    if item == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "ends":
        os._exit(3)
    if item == "hangs":
        time.sleep(60)
    return item.upper()
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """A module that other processes can import."""
    (tmp_path / "toy_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    return importlib.import_module("toy_tasks")


def test_results_come_in_order_from_several_processes(tasks):
    told = []
    results = list(in_processes(tasks.nap, [0.4, 0.0, 0.1, 0.0, 0.0], jobs=2, progress=told.append))
    assert [item for item, _ in results] == [0.4, 0.0, 0.1, 0.0, 0.0]
    assert len({process for _, process in results}) == 2
    assert os.getpid() not in {process for _, process in results}
    assert (told[-1].done, told[-1].total, told[-1].unit) == (5, 5, "files")


def test_crashes_and_hangs_are_answers(tasks):
    items = ["first", "dies", "hangs", "ends", "last"]
    begun = time.monotonic()
    results = list(in_processes(tasks.odd, items, jobs=1, timeout=3))
    assert time.monotonic() - begun < 30
    assert (results[0], results[-1]) == ("FIRST", "LAST")
    assert [failure.code for failure in results[1:-1]] == ["crashed", "out_of_time", "crashed"]
    assert "SIGSEGV" in results[1].message
    assert "exit code 3" in results[3].message


def test_who_stops_listening_leaves_no_process(tasks):
    results = in_processes(tasks.nap, [0.0, 30.0, 30.0], jobs=2)
    _, process = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_one_process_tells_how_far_it_is(tasks):
    told = []
    list(in_processes(tasks.nap, [0.0], jobs=1, progress=told.append))
    assert [now.stage for now in told] == ["nap"]


def test_a_cluster_and_processes_exclude_each_other():
    with pytest.raises(UsageError):
        chosen(print, [], jobs=2, timeout=None, ray="local")


@pytest.mark.slow
def test_a_cluster_gives_the_same(tasks, tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is an extra")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # Ray's workers take it from here
    results = list(on_ray(tasks.odd, ["first", "ends", "last"], address="local"))
    assert (results[0], results[2]) == ("FIRST", "LAST")
    assert isinstance(results[1], MachineError)
    assert results[1].code == "crashed"


def test_ahead_keeps_order_and_passes_failures_on():
    def items():
        yield from range(20)
        raise ValueError("here")

    made = ahead(items(), 3)
    assert [next(made) for _ in range(20)] == list(range(20))
    with pytest.raises(ValueError, match="here"):
        next(made)


def test_ahead_ends_with_its_listener():
    closed = []

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    outer = ahead(ahead(endless(), 2), 2)
    next(outer)
    outer.close()
    assert closed == [True]


def test_a_stage_within_another_counts_alone():
    stages = Stages()
    with stages("outer"):
        list(stages.over("inner", (time.sleep(0.02) for _ in range(5))))
        time.sleep(0.05)
    assert stages.seconds["inner"] >= 0.1
    assert 0.05 <= stages.seconds["outer"] < stages.seconds["inner"] + 0.04
