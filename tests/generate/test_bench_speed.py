"""The figures of speed: what is counted is what was done, and times add up."""

from __future__ import annotations

import pytest
import torch
from facewright.core.errors import UsageError
from facewright.generate.bench.run import Bench, run
from facewright.generate.bench.show import table
from facewright.generate.bench.speed import _against_the_machine


def test_operations_are_counted_and_held_against_the_machine():
    one, other = torch.randn(600, 500), torch.randn(500, 400)
    layer = torch.nn.Conv2d(8, 16, 3, padding=1)
    picture = torch.randn(1, 8, 32, 32)
    steps = {"product": (lambda: one @ other, 4), "convolution": (lambda: layer(picture), 1)}
    found, rate = _against_the_machine(steps, torch.device("cpu"))
    assert found["product"]["gigaoperations"] == pytest.approx(2 * 600 * 500 * 400 / 4 / 1e9)
    assert found["convolution"]["gigaoperations"] == pytest.approx(2 * 9 * 8 * 16 * 32 * 32 / 1e9)
    for row in found.values():
        done = row["gigaoperations"] * 1e9 / (row["milliseconds"] / 1000)
        assert row["share"] == pytest.approx(done / rate)


def test_random_networks_are_timed_and_called_random(portrait_path, speech_path, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path))
    bench = Bench(["infp"], portraits=[portrait_path], voices=[speech_path], seconds=1.0, size=384, random="toy")
    found = run(bench)
    row = found["speed"]["infp"]
    assert set(row["stages"]) == {"prepare", "hear", "motion", "draw", "paste back", "mark", "encode", "sign", "check"}
    assert all(value >= 0 for value in row["stages"].values())
    assert 1000 / row["fps_render"] == pytest.approx(row["stages"]["draw"] + row["stages"]["paste back"])
    assert row["frames"] == 25
    assert row["latency_seconds"] == 1.6  # a window of 40 frames
    assert set(row["networks"]) == {"motion", "draw", "portrait (once a clip)"}
    assert "networks are random, of preset toy" in table(found)
    assert not list(tmp_path.rglob("records.sqlite"))  # the clip that was timed leaves no record


@pytest.mark.parametrize(("name", "preset"), [("meshwarp", "toy"), ("infp", "gigantic")])
def test_what_cannot_be_timed_so_is_said(name, preset, portrait_path, speech_path):
    with pytest.raises(UsageError):
        run(Bench([name], portraits=[portrait_path], voices=[speech_path], random=preset))
