"""`facewright train` for methods that train in stages."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch
from facewright.core.training import Card, Recipe, Stage, Turn
from facewright.generate.methods import registry


@dataclass(frozen=True)
class Preset:
    steps: int = 40
    batch: int = 4
    expect: str = "a line"


class Line(Stage):
    """Learn y = 2 x."""

    def __init__(self, request) -> None:
        self.steps, self.batch_size, self.seed = request.preset.steps, request.preset.batch, request.seed
        self.card = Card("line", "one weight", dict.fromkeys(("code", "weights", "data"), "Apache-2.0"), [])
        self.net = torch.nn.Linear(1, 1)
        self.networks = {"line": self.net}
        sgd = torch.optim.SGD(self.net.parameters(), 0.1)
        self.turns = [Turn("fit", sgd, lambda b: {"square": (self.net(b["x"]) - 2 * b["x"]).square().mean()})]

    def draw(self, position):
        return {"x": self.random(position).normal(size=1)}


@pytest.fixture
def command(facewright, monkeypatch, tmp_path):
    recipe = Recipe("a line", {"standard": Preset(), "toy": Preset(steps=4)}, Line, lambda request: {"points": 1})
    monkeypatch.setattr(registry, "stages", lambda name: {1: recipe, 2: recipe})
    (tmp_path / "index.csv").write_text("video\n")
    common = ("--data", tmp_path / "index.csv", "--out", tmp_path / "out", "--device", "cpu")
    return lambda *words: facewright("train", "meshwarp", *common, *words)


def test_a_stage_is_trained_and_told(command, tmp_path):
    done = command("--stage", 1, "--json", "--events", tmp_path / "events.jsonl")
    assert done.code == 0, done.err
    result = done.answer["result"]
    assert (result["stage"], result["preset"], result["steps"]) == ("1 (a line)", "standard", 40)
    record = json.loads((tmp_path / "out" / "stage-1" / "weights" / "record.json").read_text())
    assert record["made"]["command"].startswith("facewright train meshwarp --stage 1 --data DATA --out OUT --preset")
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    shown = [event for event in events if event["event"] == "progress"]
    assert [(shown[-1][key]) for key in ("stage", "done", "total", "unit")] == ["train", 40, 40, "steps"]


def test_the_same_command_again_answers_the_same(command):
    assert command("--stage", 1, "--preset", "toy").out == command("--stage", 1, "--preset", "toy").out


def test_other_options_in_the_same_folder(command):
    command("--stage", 1, "--preset", "toy")
    done = command("--stage", 1, "--preset", "toy", "--steps", 5)
    assert done.code == 2
    assert "preset.steps is 4 there and 5 here" in done.err


@pytest.mark.parametrize("words", [(), ("--stage", 7), ("--stage", 1, "--preset", "x")])
def test_what_must_be_said(command, words):
    assert command(*words).code == 2


def test_a_dry_run(command, tmp_path):
    done = command("--stage", 2, "--dry-run", "--json")
    assert done.answer["result"]["points"] == 1
    assert not (tmp_path / "out").exists()


def test_one_process_of_several_speaks(command, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("sys.stdout", __import__("sys").stdout)  # put back after the test
    done = command("--stage", 2, "--dry-run")
    assert (done.code, done.out) == (0, "")


def test_meshwarp_has_no_stages(facewright, tmp_path):
    done = facewright("train", "meshwarp", "--data", tmp_path, "--out", tmp_path, "--stage", 1)
    assert done.code == 2
    assert "meshwarp has no --stage" in done.err
