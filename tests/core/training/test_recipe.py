"""From a recipe and wishes to a run."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from facewright.core.errors import AssetError, UsageError
from facewright.core.training import Options, Recipe, Request, train


@dataclass(frozen=True)
class Preset:
    steps: int = 3
    batch: int = 8
    expect: str = "nothing"
    widths: tuple[int, ...] = (1, 2)


@pytest.fixture
def recipes(toy) -> dict[int, Recipe]:
    presets = {"standard": Preset(), "toy": Preset(steps=2)}

    def materials(request: Request):
        return {"clips": request.data.name}

    def second(request: Request):
        assert (request.result(1) / "maker.safetensors").is_file()
        return toy.Toy(request.preset.steps)

    return {
        1: Recipe("first things", presets, lambda request: toy.Toy(request.preset.steps), materials),
        2: Recipe("second things", presets, second, materials),
    }


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "index.csv"
    path.write_text("video\n")
    return path


def test_stages_share_a_folder(recipes, data, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(AssetError) as caught:
        train("toy", recipes, 2, data, out, options=Options("cpu"))
    assert caught.value.code == "stage_missing"
    first = train("toy", recipes, 1, data, out, options=Options("cpu"), seed=4)
    assert first["weights"] == str(out / "stage-1" / "weights")
    assert train("toy", recipes, 2, data, out, options=Options("cpu"), preset="toy")["steps"] == 2


def test_options_say_what_decides_the_result(recipes, data, tmp_path):
    train("toy", recipes, 1, data, tmp_path, seed=4, steps=1, options=Options("cpu"))
    told = json.loads((tmp_path / "stage-1" / "options.json").read_text())
    assert told["preset"] == {"name": "standard", "steps": 1, "batch": 8, "widths": [1, 2]}
    assert (told["method"], told["stage"], told["seed"], told["precision"]) == ("toy", 1, 4, "float32")
    data.write_text("another\n")
    with pytest.raises(UsageError, match="data is"):
        train("toy", recipes, 1, data, tmp_path, seed=4, steps=1, options=Options("cpu"))


def test_a_dry_run_makes_nothing(recipes, data, tmp_path):
    said = train("toy", recipes, 1, data, tmp_path / "out", preset="toy", dry_run=True)
    assert said == {
        "stage": "1 (first things)",
        "preset": "toy",
        "expect": "nothing",
        "steps": 2,
        "batch": 8,
        "clips": "index.csv",
    }
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("wish", "code", "known"),
    [({"number": 3}, "unknown_stage", "2 (second things)"), ({"preset": "huge"}, "unknown_preset", "standard, toy")],
)
def test_what_is_not_there_is_named(recipes, data, tmp_path, wish, code, known):
    with pytest.raises(UsageError) as caught:
        train("toy", recipes, **{"number": 1, "data": data, "out": tmp_path, **wish})
    assert caught.value.code == code
    assert known in caught.value.hint


def test_the_same_networks_for_the_same_seed(recipes, data, tmp_path):
    from facewright.core.training.tensors import read_tensors

    starts = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train("toy", recipes, 1, data, tmp_path / name, seed=seed, steps=1, options=Options("cpu"))
        starts.append(read_tensors(tmp_path / name / "stage-1" / "checkpoint.safetensors")[0]["networks/critic/weight"])
    assert starts[0].equal(starts[1])
    assert not starts[0].equal(starts[2])
