"""Attribution names what it met, and keeps silent on what it did not; and never scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from facewright.core.errors import AssetError, InputError
from facewright.core.weights import check, read_record
from facewright.datasets.index import Entry, read_index, write_index
from facewright.detect.attribution_training import train_attribution
from facewright.detect.detector import REASONS
from facewright.detect.detectors.attribution import AttributionDetector, AttributionModel
from facewright.detect.detectors.features import NAMES
from facewright.detect.fitting import USED
from facewright.detect.measures import CONTAINER, Measures, write_measures

CHOSEN = USED[:8]


def corpus(folder, generators, *, people: int = 12, start: int = 0):
    """Random measures of genuine people and of generators, each of which shifts the measures at its own places."""
    draw = np.random.default_rng(start)
    entries, measured = [], []
    for made, places in {"": (), **generators}.items():
        for person in range(start, start + people):
            for clip in range(2):
                rows = draw.normal(size=(12, len(NAMES))) + 0.3 * draw.normal(size=len(NAMES))
                for place in places:
                    rows[:, NAMES.index(CHOSEN[place])] += 6
                name = f"{made}{person}-{clip}.mp4"
                kind = "synthetic" if made else "genuine"
                entries.append(Entry(name, kind, f"{kind}{person}", name, "A", made))
                measured.append(Measures(rows.astype(np.float32), np.ones(len(CONTAINER), np.float32), 200.0))
    folder.mkdir(exist_ok=True)
    write_index(folder / "index.jsonl", entries)
    write_measures(folder / "measures.npz", [entry.video for entry in entries], measured)
    return folder / "index.jsonl"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attribution")
    index = corpus(folder / "known", {"one": (0, 1), "two": (2, 3)})
    unseen = corpus(folder / "unseen", {"three": (4, 5)}, start=100)
    return folder / "out", train_attribution(index, folder / "out", test=unseen, names=CHOSEN)


def test_known_generators_are_named_and_genuine_clips_are_not(trained):
    _, metrics = trained
    assert metrics["generators named right"] > 0.85
    assert metrics["genuine clips named after a generator"] < 0.05
    assert metrics["people held out are"]["one"]["one"] > 0.85


def test_a_generator_that_was_held_out_is_unknown(trained):
    _, metrics = trained
    for name in ("one", "two"):
        held_out = metrics["when a generator is held out, its clips are"][name]
        assert held_out.get("unknown", 0) > 0.9
    never_met = metrics["clips of other people, and of generators it never met, are"]
    assert never_met["three"].get("unknown", 0) > 0.9
    assert never_met["genuine"].get("none", 0) > 0.7


def test_the_record_holds_and_the_model_comes_back(trained):
    out, metrics = trained
    record = read_record(out / "attribution.record.json")
    check(record)
    assert record.metrics["generators named right"] == metrics["generators named right"]
    model = AttributionModel.read(record.files[0].path)
    assert model.generators == ("", "one", "two")
    assert model.names == tuple(CHOSEN)


def test_it_names_and_never_scores(trained):
    model = AttributionModel.read(trained[0] / "attribution.safetensors")
    reader = AttributionDetector(model).open()
    assert reader.evidence().reason == "too_short"
    draw = np.random.default_rng(9)
    for places, wanted in (((0, 1), "one"), ((), None), ((6, 7), None)):
        rows = draw.normal(size=(20, len(NAMES)))
        rows[:, [NAMES.index(CHOSEN[place]) for place in places]] += 6
        reader._rows.rows[:] = list(rows)
        evidence = reader.evidence()
        assert evidence.score is None
        assert evidence.reason in REASONS
        assert evidence.details["generator"] == wanted
        assert evidence.details["known"] == (places != (6, 7))
        assert 0 < evidence.details["p"] <= 1


def test_one_class_or_too_few_people_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot fill"):
        train_attribution(corpus(tmp_path / "few", {"one": (0,)}, people=3), tmp_path / "out", names=CHOSEN)
    index = corpus(tmp_path / "lone", {"one": (0,)})
    write_index(index, [replace(e, label="genuine", generator="") for e in read_index(index)])
    with pytest.raises(InputError, match="one class alone"):
        train_attribution(index, tmp_path / "out", names=CHOSEN)


def test_foreign_weights_are_refused(tmp_path):
    with pytest.raises(AssetError) as missing:
        AttributionModel.read(tmp_path / "none.safetensors")
    assert missing.value.code == "weights_missing"
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(AssetError) as bad:
        AttributionModel.read(tmp_path / "x.safetensors")
    assert bad.value.code == "bad_weights"
