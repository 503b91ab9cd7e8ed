"""Rates of false alarms count people; levels follow from rates; weights are fair."""

import numpy as np
import pytest
from facewright.detect.calibration import Calibration, balance, level
from hypothesis import given, settings
from hypothesis import strategies as st


def calibration(scores_of: dict[str, list[float]]) -> Calibration:
    raw = np.array([score for scores in scores_of.values() for score in scores])
    people = np.array([name for name, scores in scores_of.items() for _ in scores])
    synthetic = np.zeros(len(raw), bool)
    return Calibration.fit(
        np.append(raw, [5.0, 6.0]), np.append(synthetic, [True, True]), np.append(people, ["x", "y"])
    )


def test_the_rate_counts_people_not_clips():
    """One person's many high clips weigh as much as another's single one."""
    many = calibration({"ann": [3.0] * 50, "bob": [0.0], "cy": [0.0]})
    assert many.false_alarms_per_100(3.0) == pytest.approx(100 * (1 + 1) / 4)
    assert many.false_alarms_per_100(3.1) == pytest.approx(100 / 4) == many.least_per_100
    half = calibration({"ann": [3.0, -3.0], "bob": [0.0], "cy": [0.0]})
    assert half.false_alarms_per_100(1.0) == pytest.approx(100 * (1 + 0.5) / 4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=5), min_size=2, max_size=30), st.floats(-9, 9))
def test_rates_fall_with_the_score_and_thresholds_keep_their_rate(people, raw):
    made = calibration({str(number): scores for number, scores in enumerate(people)})
    assert made.false_alarms_per_100(raw) >= made.false_alarms_per_100(raw + 0.5) >= made.least_per_100 - 1e-9
    for per_100 in (20.0, made.least_per_100):
        at = made.raw_at(per_100)
        assert made.false_alarms_per_100(at) <= max(per_100, made.least_per_100) + 1e-6
        if np.isfinite(at):
            assert made.false_alarms_per_100(np.nextafter(at, -np.inf)) > per_100 - 1e-6


def test_a_new_person_exceeds_their_rate_no_more_often_than_it_says():
    """The conformal promise, by simulation: people differ more than their clips do."""
    draw = np.random.default_rng(0)
    hits, count = 0, 3000
    for _ in range(count):
        centres = draw.normal(size=13)
        genuine = np.sort((centres[:12, None] + 0.3 * draw.normal(size=(12, 4))).ravel())
        made = Calibration(1.0, 0.0, genuine, np.full(48, 1 / 4))
        hits += made.false_alarms_per_100(float(centres[12] + 0.3 * draw.normal())) <= 20
    assert hits / count <= 0.2 + 3 * np.sqrt(0.16 / count)


def test_scores_rise_and_classes_balance():
    made = calibration({"ann": [-1.0, -2.0], "bob": [-3.0]})
    assert made.slope > 0
    assert 0 < made.score(-9) < made.score(0) < made.score(9) < 1
    assert made.thresholds["some"] <= made.thresholds["strong"]


def test_levels():
    assert [level(rate, 7.1) for rate in (7.1, 7.2, 20.0, 20.1, 100.0)] == [
        "strong",
        "some",
        "some",
        "little",
        "little",
    ]


def test_weights_are_fair_to_kinds_and_people():
    kinds = np.array(["genuine"] * 5 + ["synthetic"] * 2)
    people = np.array(["ann"] * 4 + ["bob", "cy", "dee"])
    weights = balance(kinds, people)
    assert weights.sum() == pytest.approx(1)
    assert weights[:4].sum() == pytest.approx(weights[4]) == pytest.approx(weights[5])
