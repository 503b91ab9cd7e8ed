"""What a run leaves in its folder, and whose folder it is."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError, UsageError
from facewright.core.training import Card, Options, fit
from facewright.core.training.folder import claim, fingerprint
from facewright.core.training.journal import Means
from facewright.core.training.tensors import read_tensors, write_tensors
from facewright.core.weights import check, read_record
from PIL import Image
from safetensors.torch import load_file


@pytest.fixture(scope="module")
def run(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    toy.train(folder)
    return folder


def test_the_record_holds(run):
    record = read_record(run / "weights" / "record.json")
    check(record)
    assert record.name == "toy"
    assert record.made["steps"] == 24
    assert record.made["command"] == "toy"
    assert record.made["device"] == "cpu"
    assert record.made["versions"]["torch"] == torch.__version__.split("+")[0]
    assert 0 < record.metrics["distance"] < 2


def test_what_ships_is_the_average_in_half_precision(run):
    weights, checkpoint = (load_file(run / path) for path in ("weights/maker.safetensors", "checkpoint.safetensors"))
    assert weights["0.weight"].dtype == torch.float16
    assert torch.equal(weights["0.weight"], checkpoint["averages/maker/0.weight"].half())
    assert not torch.equal(weights["0.weight"], checkpoint["networks/maker/0.weight"].half())
    assert weights["2.num_batches_tracked"].dtype == torch.int64


def test_a_file_of_weights_says_what_network_it_is(toy, tmp_path):
    @dataclass(frozen=True)
    class Params:
        widths: tuple[int, int] = (4, 16)

    def build():
        stage = toy.Toy(2)
        stage.maker.params = Params()
        return stage

    fit(build, tmp_path, identity={}, options=Options("cpu"))
    _, facts = read_tensors(tmp_path / "weights" / "maker.safetensors")
    assert facts == {"network": "Sequential", "params": {"widths": [4, 16]}}


def test_a_card_knows_its_licences_at_once():
    @dataclass(frozen=True)
    class Licences:
        code: str = "Apache-2.0"
        weights: str = "Apache-2.0"
        data: str = "none"

    assert Card("x", "", Licences(), []).licences == {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "none"}
    with pytest.raises(ValueError, match="code"):
        Card("x", "", {"code": "MIT"}, [])


def test_a_weight_beyond_half_precision_keeps_its_own(toy, tmp_path):
    class Large(toy.Toy):
        def weights(self, networks):
            return {"maker": {"large": torch.tensor([1e6]), "small": torch.tensor([1.0])}}

    fit(lambda: Large(2), tmp_path, identity={}, options=Options("cpu"))
    stored = load_file(tmp_path / "weights" / "maker.safetensors")
    assert (stored["large"].dtype, stored["small"].dtype) == (torch.float32, torch.float16)
    assert stored["large"].item() == 1e6


def test_the_log_has_every_figure(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    last = [line for line in lines if line["step"] == 24]
    assert {"maker/distance", "maker/norm", "maker/rate", "critic/made", "seconds"} <= last[0].keys()
    assert "evaluate/distance" in last[-1]
    assert lines[0]["step"] == 0
    assert last[-1]["evaluate/distance"] < lines[0]["evaluate/distance"]
    assert last[0]["maker/rate"] == pytest.approx(0, abs=1e-9)


def test_tensorboard_gets_the_same_where_it_is_installed(toy, tmp_path, monkeypatch):
    told = []

    class Writer:
        def __init__(self, folder, purge_step):
            told.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            told.append((name, value, step))

        def add_image(self, name, sheet, step, dataformats):
            told.append((name, sheet.shape, step, dataformats))

        def close(self):
            told.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    toy.train(tmp_path, steps=2)
    assert told[0] == (str(tmp_path / "tensorboard"), 1)
    assert ("samples", (8, 15, 3), 2, "HWC") in told
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    logged = [(name, value, line["step"]) for line in lines for name, value in line.items() if name != "step"]
    assert set(logged) <= set(told)
    assert told[-1] == "closed"


def test_a_sheet_shows_rows_and_columns(run):
    assert sorted(path.name for path in (run / "samples").iterdir()) == [f"{n:06d}.png" for n in (0, 8, 16, 24)]
    sheet = np.asarray(Image.open(run / "samples" / "000024.png"))
    assert sheet.shape == (8, 15, 3)
    assert [int(sheet[4 * row, 5 * column, 0]) for row in range(2) for column in range(3)] == list(range(6))


def test_every_start_is_noted(toy, run, tmp_path):
    (start,) = json.loads((run / "environment.json").read_text())
    assert (start["step"], start["device"], start["processes"]) == (0, "cpu", 1)
    assert start["versions"]["torch"]


def test_other_options_are_refused_by_name(toy, tmp_path):
    toy.train(tmp_path, steps=3)
    with pytest.raises(UsageError) as caught:
        toy.train(tmp_path, steps=4, precision="bfloat16")
    assert caught.value.code == "other_run"
    assert "steps is 3 there and 4 here" in caught.value.message
    assert "precision is 'float32' there and 'bfloat16' here" in caught.value.message
    assert "plain" not in caught.value.message
    toy.train(tmp_path, steps=3, micro_batch=2)  # what changes nothing may change


def test_options_compare_as_json_has_them(tmp_path):
    claim(tmp_path, {"preset": {"widths": (1, 2), "rate": 1e-3}})
    claim(tmp_path, {"preset": {"widths": [1, 2], "rate": 0.001}})
    with pytest.raises(UsageError, match=r"preset.rate is 0.001 there and 0.002 here"):
        claim(tmp_path, {"preset": {"widths": (1, 2), "rate": 2e-3}})


def test_data_is_known_by_its_content(tmp_path):
    index, copy = tmp_path / "a.csv", tmp_path / "b.csv"
    for path in (index, copy):
        path.write_text("video\n")
    assert fingerprint(index) == fingerprint(copy)
    copy.write_text("other\n")
    assert fingerprint(index) != fingerprint(copy)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "MANIFEST.csv").write_text("video\n")
    assert fingerprint(folder) == fingerprint(index)


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_checkpoint_is_said_to_be_one(toy, tmp_path, damage):
    toy.train(tmp_path, steps=3)
    (tmp_path / "weights" / "record.json").unlink()
    path = tmp_path / "checkpoint.safetensors"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    else:
        tensors, facts = read_tensors(path)
        tensors.pop("networks/critic/bias")
        write_tensors(path, tensors, facts)
    with pytest.raises(AssetError) as caught:
        toy.train(tmp_path, steps=3)
    assert caught.value.code == "bad_run"


def test_shared_and_sliced_tensors_are_written(tmp_path):
    base = torch.arange(6.0)
    write_tensors(tmp_path / "x", {"whole": base, "same": base, "part": base[2:4], "turned": base.view(2, 3).T}, {})
    tensors, _ = read_tensors(tmp_path / "x")
    assert torch.equal(tensors["same"], base)
    assert torch.equal(tensors["part"], base[2:4])
    assert torch.equal(tensors["turned"], base.view(2, 3).T)


def test_means_do_not_depend_on_where_a_run_was_cut():
    whole, first = Means(), Means()
    for value in (1.0, 2.0, 6.0):
        whole.add({"a": value})
    first.add({"a": 1.0})
    second = Means(json.loads(json.dumps(first.state)))
    second.add({"a": 2.0})
    second.add({"a": 6.0})
    assert second.take() == whole.take() == {"a": 3.0}
    assert whole.take() == {}
