"""`bench detect`: nobody is judged by who met them, figures are right, perturbations leave their input alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.datasets.index import Entry, groups, write_index
from facewright.detect.bench import learning, measuring, run, show
from facewright.detect.bench.clips import (
    PERTURBED,
    STANDARD_VARIANT,
    UNMARKED,
    Excerpt,
    altered,
    encoded,
    frames_of,
    open_windows,
)
from facewright.detect.bench.figures import calibration_error, equal_error_rate, figures, found_at, risk
from facewright.detect.bench.learning import Clip, train
from facewright.detect.bench.measuring import Seen, measure, measure_all
from facewright.detect.bench.perturbations import LEVELS, perturb, quality
from facewright.detect.bench.protocol import SETTINGS, drift, judged, matrix, moved, splits
from facewright.detect.detectors import features, motion
from facewright.detect.detectors.temporal import LEAST, TemporalModel
from facewright.detect.fitting import USED
from facewright.detect.temporal_training import fit_temporal


def corpus(signal=6.0, people=10, generators=("one", "two"), seed=0):
    """Clips of random rows; synthetic ones are shifted in measures that all generators share."""
    draw = np.random.default_rng(seed)
    clips = []
    for kind in ("genuine", "synthetic"):
        for person in range(people):
            own = draw.normal(size=len(features.NAMES))
            for take in range(2):
                rows = (draw.normal(size=(12, len(own))) + own).astype(np.float32)
                moving = draw.normal(size=(24, len(motion.NAMES))).astype(np.float32)
                rows[:, [features.NAMES.index(name) for name in USED[:4]]] += signal * (kind == "synthetic")
                moving[:, 0] += signal * (kind == "synthetic")
                name = f"{kind} {person} {take}"
                made = generators[person % len(generators)] if kind == "synthetic" else ""
                entry = Entry(name, kind, f"{kind} {person}", name, "A: own", made, marked=bool(made))
                seen = Seen({"residual": rows, "temporal": moving}, {}, draw.uniform(1, 2, 5).astype(np.float32))
                worse = Seen({"residual": rows + 0.1, "temporal": moving}, {}, seen.container)
                variants = {"crf 40": worse} | ({} if made else {"unmarked": seen})
                clips.append(Clip(entry, seen, variants))
    return clips


@pytest.mark.parametrize("setting", SETTINGS)
def test_nobody_is_judged_by_who_met_them(setting):
    clips = corpus()
    group = np.array(groups([clip.entry for clip in clips]))
    made = np.array([clip.entry.generator for clip in clips])
    times = np.zeros(len(clips), int)
    for apart, training, test in splits(clips, setting, 0):
        assert not (training & test).any()
        if setting in ("leave one identity out", "leave both out"):
            assert not set(group[training]) & set(group[test])
        if apart:
            assert apart not in made[training]
            assert set(made[test]) <= {"", apart}
        times += test
    genuine = made == ""
    assert (times[~genuine] == 1).all()
    assert (times[genuine] == (2 if "generator" in setting or "both" in setting else 1)).all()


def test_one_generator_cannot_be_left_out():
    clips = corpus(generators=("one",), people=6)
    assert not list(splits(clips, "leave both out", 0))
    told, _ = matrix(clips, ["residual"], 0, lambda: None)
    assert told["leave both out"] == told["leave one generator out"] == "not estimable: one generator"


def test_what_is_planted_is_found_and_what_is_not_is_not():
    told, held = matrix(corpus(people=12), ["residual"], 0, lambda: None)
    for setting in SETTINGS:
        assert told[setting]["panel"]["AUC"] > 0.9
        low, high = told[setting]["panel"]["AUC 95 % interval over people"]
        assert low <= told[setting]["panel"]["AUC"] <= high
    assert set(told["leave both out"]["by generator"]) == {"one", "two"}
    nothing = [
        matrix(corpus(0.0, people=8, generators=("one",), seed=seed), ["residual"], 0, lambda: None)[0]
        for seed in range(3)
    ]
    assert 0.25 < np.mean([one["leave one identity out"]["panel"]["AUC"] for one in nothing]) < 0.75
    clips = corpus(people=12)
    swept = drift(clips, held, ["crf 40"], 0)
    assert set(swept) == {"standard", "crf 40"}
    assert swept["crf 40"]["AUC"] > 0.9
    still = moved(clips, held, "unmarked")
    assert (still["clips"], still["mean change of the score"], still["largest change"]) == (24, 0, 0)


def test_the_temporal_detector_learns_and_survives_a_file(tmp_path):
    clips = corpus(2.0)
    people = np.array([int(clip.entry.identity.split()[1]) for clip in clips])
    own = learning.corpus_of(clips, people < 7, "temporal")
    model = fit_temporal(own, 0, steps=40)
    scores = np.array([model.raw(clip.rows("temporal")).mean() for clip in clips])
    new = people >= 7
    made = np.array([clip.entry.synthetic for clip in clips])
    assert (scores[new & made][:, None] > scores[new & ~made]).mean() > 0.9
    np.testing.assert_array_equal(fit_temporal(own, 0, steps=2).raw(clips[0].rows("temporal")),
                                  fit_temporal(own, 0, steps=2).raw(clips[0].rows("temporal")))  # fmt: skip
    model.save(tmp_path / "temporal.safetensors")
    again = TemporalModel.read(tmp_path / "temporal.safetensors")
    np.testing.assert_array_equal(again.raw(clips[0].rows("temporal")), model.raw(clips[0].rows("temporal")))


def test_who_abstains_has_no_part(monkeypatch):
    clips = corpus(people=6)
    short = [replace(clip, seen=replace(clip.seen, rows={})) if n % 7 == 0 else clip for n, clip in enumerate(clips)]
    panel = train(short, ["residual"], 0)
    scores = judged(short, [("", panel, np.arange(len(short)))])["panel"]
    assert (np.isnan(scores) == (np.arange(len(short)) % 7 == 0)).all()
    told = figures(scores, *(np.array([getattr(c.entry, key) for c in short]) for key in ("synthetic", "identity")))
    assert sum(told["abstained"].values()) == np.isnan(scores).sum()


def test_figures_of_known_scores():
    score = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
    synthetic = np.array([False, False, False, True, True, True])
    people = np.array(list("abcdef"))
    told = figures(score, synthetic, people)
    assert told["AUC"] == pytest.approx(8 / 9, abs=1e-4)
    assert equal_error_rate(score, synthetic) == pytest.approx(1 / 3)
    assert found_at(score, synthetic, 0.34) == 1.0
    assert found_at(score, synthetic, 0.01) == pytest.approx(2 / 3)
    assert told["TPR at 1 % FPR"] == "not estimable: 3 genuine clips"
    assert told["Brier score"] == pytest.approx(((score - synthetic) ** 2).mean(), abs=1e-4)
    assert risk(score, synthetic, 1.0) == pytest.approx(1 / 3)
    assert risk(score, synthetic, 0.5) == 0
    assert calibration_error(np.array([0.0, 0.0, 1.0, 1.0]), np.array([False, False, True, True])) == 0
    assert figures(np.full(6, np.nan), synthetic, people)["AUC"] is None


@pytest.mark.parametrize("kind", LEVELS)
def test_perturbations_grow_and_leave_their_input_alone(kind):
    draw = np.random.default_rng(0)
    smooth = np.kron(draw.integers(0, 256, (1, 16, 16, 3)), np.ones((1, 16, 16, 1)))
    frames = np.repeat(np.clip(smooth + draw.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8), 2, 0)
    before = frames.copy()
    changes = []
    for level in range(1, 6):
        changed = perturb(frames, kind, level, np.random.default_rng(1))
        assert (changed.shape, changed.dtype) == (frames.shape, np.uint8)
        changes.append(np.abs(changed.astype(float) - before).mean())
    np.testing.assert_array_equal(frames, before)
    if kind == "compression":
        assert [quality(kind, level, 23) for level in range(1, 6)] == [30, 32, 35, 38, 40]
        assert max(changes) == 0
    else:
        assert kind == "pixels" or changes == sorted(changes)  # squares of 4 px may meet the picture's own
        assert min(changes) > 0.1
        assert changes[-1] > changes[0]
        assert quality(kind, 3, 23) == 23


def test_a_clip_passes_the_chain_and_is_measured_once(clip_path, tmp_path, monkeypatch):
    entry = Entry(str(clip_path), "genuine", "a", "b", "own")
    (window,) = open_windows([entry], tmp_path, 3)
    frames = frames_of(window)
    assert frames is not None
    assert frames.shape == (75, 256, 256, 3)
    marked, plain = altered(frames, window, STANDARD_VARIANT), altered(frames, window, UNMARKED)
    np.testing.assert_array_equal(plain, frames)
    assert 0 < np.abs(marked.astype(int) - frames).mean() < 3
    np.testing.assert_array_equal(marked, altered(frames, window, STANDARD_VARIANT))
    already = replace(window, entry=replace(entry, label="synthetic", generator="g", marked=True))
    np.testing.assert_array_equal(altered(frames, already, STANDARD_VARIANT), frames)

    taken = []

    def once(path, sound, shipped):
        taken.append(path)
        assert isinstance(sound, Excerpt)
        return measure(path, None, ()) if len(taken) == 1 else Seen({}, {"x": 0.5})

    monkeypatch.setattr(measuring, "measure", once)
    first = measure_all([window], [STANDARD_VARIANT, UNMARKED], tmp_path / "kept")
    again = measure_all([window], [STANDARD_VARIANT, UNMARKED], tmp_path / "kept")
    assert len(taken) == 2
    (seen,) = first["crf 23"].values()
    assert len(seen.rows["residual"]) >= 8
    assert len(seen.rows["temporal"]) >= LEAST
    assert seen.rows["lipsync"].shape == (60, 9)
    assert seen.container[1:].tolist() == pytest.approx([25, 256, 256, 3], abs=0.01)
    assert next(iter(again["unmarked"].values())).odds == {"x": 0.5}
    np.testing.assert_array_equal(next(iter(again["crf 23"].values())).rows["temporal"], seen.rows["temporal"])
    assert not measure_all([already], [STANDARD_VARIANT, UNMARKED], tmp_path / "kept")["unmarked"]


def test_the_whole_of_it_as_table_and_picture(tmp_path, monkeypatch):
    clips = corpus(people=12)
    others = [replace(c, entry=replace(c.entry, identity=f"new {c.entry.identity}", source=f"new {c.entry.source}"))
              for c in corpus(people=3, seed=5)]  # fmt: skip
    for name, own in (("index", clips), ("others", others)):
        write_index(tmp_path / f"{name}.jsonl", [clip.entry for clip in own])
    monkeypatch.setattr(run, "open_clips", lambda entries, *_, **__: clips if len(entries) == len(clips) else others)
    few = [clip.entry for clip in corpus(people=5)]
    write_index(tmp_path / "few.jsonl", few)
    with pytest.raises(InputError, match="cannot fill"):
        run.run(tmp_path / "few.jsonl", names=["residual"])
    result = run.run(tmp_path / "index.jsonl", names=["residual"], confront=tmp_path / "others.jsonl", quick=True)
    assert result["confrontation"]["one"]["AUC"]["panel"] > 0.9
    assert result["confrontation"]["genuine"]["clips"] == 6
    assert 0.2 < result["container alone"]["without"] < 0.8
    text = show.table(result)
    assert "| leave both out | panel | " in text
    assert "| crf 40 | " in text
    picture = show.plot(result)
    assert picture.dtype == np.uint8
    assert picture.std() > 10
    assert len({variant.name for variant in PERTURBED}) == 35


def test_encoding_leaves_nothing_behind():
    with encoded(np.zeros((25, 256, 256, 3), np.uint8), 23) as path:
        assert Path(path).read_bytes()[4:8] == b"ftyp"
    assert not Path(path).exists()
