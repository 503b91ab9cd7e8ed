"""Training finds what was planted, finds nothing where there is nothing, and writes a record that holds."""

from dataclasses import replace

import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.weights import check, read_record
from facewright.datasets.index import Entry, read_index, write_index
from facewright.detect import judging, train_detector
from facewright.detect.detectors.features import NAMES
from facewright.detect.detectors.residual import ResidualModel
from facewright.detect.fitting import USED, load
from facewright.detect.judging import judge
from facewright.detect.measures import CONTAINER, Measures, measure, read_measures, write_measures


@pytest.fixture(autouse=True)
def _two_rounds(monkeypatch):
    monkeypatch.setattr(judging, "REPEATS", 2)


def corpus(folder, *, signal: float, container: float = 0.0, people: int = 12, seed: int = 0):
    """Random measures of `people` of each kind, three clips each; `signal` shifts a used measure of synthetic ones."""
    draw = np.random.default_rng(seed)
    entries, measured = [], []
    for kind in ("genuine", "synthetic"):
        for person in range(people):
            own = draw.normal(size=len(NAMES))
            for clip in range(3):
                synthetic = kind == "synthetic"
                rows = draw.normal(size=(20, len(NAMES))) + own + 0.3 * draw.normal(size=len(NAMES))
                rows[:, NAMES.index(USED[0])] += signal * synthetic
                facts = draw.uniform(1, 2, len(CONTAINER)) + container * synthetic
                name = f"{kind}{person}-{clip}.mp4"
                entries.append(
                    Entry(name, kind, f"{kind}{person}", name, "A", "m" if synthetic else "", marked=bool(clip % 2))
                )
                measured.append(Measures(rows.astype(np.float32), facts.astype(np.float32), 200.0))
    entries.append(Entry("short.mp4", "genuine", "brief", "short.mp4", "A"))
    measured.append(Measures(np.zeros((2, len(NAMES)), np.float32), np.ones(len(CONTAINER), np.float32), 200.0))
    write_index(folder / "index.jsonl", entries)
    write_measures(folder / "measures.npz", [entry.video for entry in entries], measured)
    return folder / "index.jsonl"


def test_what_is_planted_is_found_and_recorded(tmp_path):
    index = corpus(tmp_path, signal=8.0)
    metrics = train_detector(index, tmp_path / "out")
    assert metrics["AUC"] > 0.97
    low, high = metrics["AUC 95 % interval over people"]
    assert low <= metrics["AUC"] <= high <= 1
    assert metrics["clips"] == {"genuine": 36, "synthetic": 36}
    assert metrics["people"] == {"genuine": 12, "synthetic": 12}
    assert metrics["clips left out"] == {"genuine": 1}
    assert 0.3 < metrics["AUC of the container alone"] < 0.7
    record = read_record(tmp_path / "out" / "residual.record.json")
    check(record)
    assert record.metrics["AUC"] == metrics["AUC"]
    model = ResidualModel.read(record.files[0].path)
    strongest = model.names[int(np.abs(model.weights).argmax())]
    assert strongest == USED[0]
    assert model.calibration.weights.sum() == pytest.approx(12)


def test_nothing_is_found_where_there_is_nothing(tmp_path):
    """Two dozen people in many dimensions differ by chance, one way or the other: so the mean over draws counts."""
    judged = []
    for seed in range(4):
        index = corpus(tmp_path, signal=0.0, seed=seed)
        judged.append(judge(load(index)[0], USED[:10], 0))
    assert 0.3 < np.mean([metrics["AUC"] for metrics in judged]) < 0.7
    assert np.mean([metrics["false alarms at strong"]["share"] for metrics in judged]) < 0.2


def test_a_container_that_gives_the_answer_away_is_reported(tmp_path):
    index = corpus(tmp_path, signal=0.0, container=5.0)
    metrics = train_detector(index, tmp_path / "out")
    assert metrics["AUC of the container alone"] > 0.95


def test_people_of_the_test_had_no_part_in_the_training(tmp_path):
    for name, kind in (("train", 0), ("test", 1)):
        (tmp_path / name).mkdir()
        corpus(tmp_path / name, signal=8.0, people=8, seed=kind)
    train, test = (tmp_path / name / "index.jsonl" for name in ("train", "test"))
    with pytest.raises(InputError, match="stand in both"):
        train_detector(train, tmp_path / "out", test=test)
    others = [replace(entry, identity=f"other {entry.identity}") for entry in read_index(test)]
    write_index(test, others)
    metrics = train_detector(train, tmp_path / "out", test=test, names=USED[:5])
    said = metrics["on clips that had no part in it"]
    assert said["m"]["AUC"] > 0.95
    assert said["genuine"]["clips"] == 24
    assert said["genuine"]["strong"] < 0.5 < said["m"]["strong"] + said["m"]["some"]


def test_an_index_and_its_measures_must_belong_together(tmp_path):
    index = corpus(tmp_path, signal=1.0)
    write_index(index, [replace(entry, video=f"x{entry.video}") for entry in read_index(index)])
    with pytest.raises(InputError) as error:
        load(index)
    assert error.value.code == "bad_measures"


def test_too_few_people_are_refused(tmp_path):
    index = corpus(tmp_path, signal=1.0, people=3)
    with pytest.raises(InputError):
        train_detector(index, tmp_path / "out")


def test_a_clip_is_measured_from_its_file(clip_path, tmp_path):
    seen = measure(clip_path)
    assert seen.rows.shape == (30 - 12, len(NAMES))
    assert 150 < seen.size < 300
    assert seen.container[1:].tolist() == pytest.approx([10, 512, 512, 3], abs=0.01)
    write_measures(tmp_path / "m.npz", ["clip"], [seen])
    (again,) = read_measures(tmp_path / "m.npz").values()
    np.testing.assert_array_equal(again.rows, seen.rows)
