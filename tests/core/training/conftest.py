"""The toy stage, processes that may die, and what a run leaves."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
    assert spec
    assert spec.loader
    module = sys.modules["toy"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _one_thread():
    """Forked processes must not inherit a pool of threads that are not there."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def apart() -> Callable[..., int | None]:
    """Call a function in a process of its own; returns the exit code, negative for a signal."""

    def run(target: Callable[..., Any], *args: Any, **kwargs: Any) -> int | None:
        process = multiprocessing.get_context("fork").Process(target=target, args=args, kwargs=kwargs)
        process.start()
        process.join(60)
        if process.is_alive():
            process.kill()
            process.join()
            raise TimeoutError
        return process.exitcode

    return run


class Left:
    """What a run left in its folder, without the times."""

    def __init__(self, folder: Path) -> None:
        self.checkpoint = load_file(folder / "checkpoint.safetensors")
        self.weights = load_file(folder / "weights" / "maker.safetensors")
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        self.log = [{name: value for name, value in line.items() if name != "seconds"} for line in lines]
        self.record = json.loads((folder / "weights" / "record.json").read_text())

    def same(self, other: Left) -> bool:
        """To the last bit."""
        pairs = ((self.checkpoint, other.checkpoint), (self.weights, other.weights))
        equal = all(a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in pairs)
        return equal and self.log == other.log and self.record["metrics"] == other.record["metrics"]


@pytest.fixture
def left() -> type[Left]:
    return Left


@pytest.fixture(scope="session")
def straight(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """The toy, trained in one go."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    torch.set_num_threads(1)
    toy.train(folder)
    return Left(folder)
