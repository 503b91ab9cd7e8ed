"""The stages of AniTalker, IF-MDM and INFP on two clips: they learn them by heart, and what they made is used."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from facewright.core.training import Options, train
from facewright.core.training.recipe import Request
from facewright.datasets.index import read_index, write_index
from facewright.generate import SpeechDrive, load
from facewright.generate.importing.trained import add_weights
from facewright.generate.methods import registry
from facewright.generate.synthesis import Plan, synthesize

METHODS = ("anitalker", "ifmdm", "infp")


@pytest.fixture(scope="session")
def corpus(portrait_path, speech_path, tmp_path_factory):
    """Three clips of a face; the third, under another name, is kept apart."""
    out = tmp_path_factory.mktemp("corpus")
    index = synthesize(Plan([portrait_path], [speech_path], 3, seconds=3.0, size=384, licence="A: public domain"), out)
    entries = read_index(index)
    names = [("anna", "train"), ("bert", "train"), ("cleo", "val")]
    told = [
        replace(entry, identity=name, source=name, split=split)
        for entry, (name, split) in zip(entries, names, strict=True)
    ]
    write_index(index, told)
    return index


def stages(name):
    return registry._module(name, "train").STAGES


def log(out, stage):
    return [json.loads(line) for line in (out / f"stage-{stage}" / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["ifmdm", *(pytest.param(name, marks=pytest.mark.training) for name in ("anitalker", "infp"))],
)
def test_two_clips_are_learned_by_heart_and_speak(name, corpus, portrait_path, speech_path, tmp_path, monkeypatch):
    run = tmp_path / "run"
    for stage in (1, 2):
        train(name, stages(name), stage, corpus, run, preset="toy", options=Options(device="cpu"))
    rows = [row for row in log(run, 1) if "generator/colours" in row]
    assert np.mean([row["generator/colours"] for row in rows[-20:]]) < 0.35 * rows[0]["generator/colours"]
    assert np.mean([row["generator/flow"] for row in rows[-20:]]) < 0.5 * np.mean(
        [row["generator/flow"] for row in rows[:5]]
    )
    noise = [row["motion/noise"] for row in log(run, 2) if "motion/noise" in row]
    assert np.mean(noise[-50:]) < 0.6 * np.mean(noise[:10])
    assert list((run / "stage-1" / "samples").glob("*.png"))

    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    record = add_weights("mine", run)
    assert [file.name for file in record.files] == ["stage1.safetensors", "stage2.safetensors"]
    assert record.metrics["flow_error"] > 0
    sealed = load(name, weights="mine")(
        portrait_path, SpeechDrive.open(speech_path, limit=1.2), size=384, steps=10
    ).save(tmp_path / "out.mp4")
    assert sealed.frames == 30


@pytest.mark.parametrize("name", METHODS)
def test_one_step_of_each_stage(name, corpus, tmp_path):
    """Losses are finite, weights and a sheet of samples appear; the second stage finds the first."""
    for stage in (1, 2):
        result = train(
            name, stages(name), stage, corpus, tmp_path, preset="toy", steps=1, options=Options(device="cpu")
        )
        assert result
        assert (tmp_path / f"stage-{stage}" / "weights" / "record.json").is_file()


@pytest.mark.parametrize("name", METHODS)
def test_samples_follow_from_their_position(name, corpus, tmp_path):
    recipe = stages(name)[1]
    stage = recipe.build(Request(corpus, tmp_path, recipe.presets["toy"]))
    again = recipe.build(Request(corpus, tmp_path, recipe.presets["toy"]))
    for key, value in stage.draw(7).items():
        np.testing.assert_array_equal(value, again.draw(7)[key])
    assert (stage.draw(8)["source"] != stage.draw(7)["source"]).any()
    assert set(recipe.materials(Request(corpus, tmp_path, recipe.presets["toy"]))) == {"videos", "people"}
