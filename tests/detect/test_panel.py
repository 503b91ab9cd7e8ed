"""A panel: who is given which frames, how words are weighed, what abstention does."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from facewright.detect.calibration import Calibration
from facewright.detect.detector import Evidence, Observation
from facewright.detect.fusion import LIMIT, Fusion, log_odds
from facewright.detect.panel import WITNESSES, Panel, common_rate, default


def voices(draw, people=20, clips=4):
    """Log-odds of one detector that knows, one that guesses and one that is wrong, with labels and people."""
    synthetic = np.repeat(np.arange(2 * people) >= people, clips)
    truth = np.where(synthetic, 1.0, -1.0)
    knows, guesses = truth + draw.normal(0, 1, len(truth)), draw.normal(0, 1, len(truth))
    odds = np.stack([knows, guesses, -truth + draw.normal(0, 1, len(truth))], 1)
    return odds, synthetic, np.repeat([f"p{n}" for n in range(2 * people)], clips)


@pytest.fixture
def fusion():
    odds, synthetic, people = voices(np.random.default_rng(0))
    return Fusion.fit(("knows", "guesses", "wrong"), odds, synthetic, people)[0]


def test_only_who_helps_has_weight(fusion):
    knows, guesses, wrong = fusion.weights
    assert knows > 0.5
    assert wrong == 0
    assert guesses < 0.4 * knows


def test_silence_adds_nothing(fusion):
    assert fusion.raw(np.array([np.nan, np.nan, np.nan])) == 0
    assert fusion.raw(np.array([2.0, np.nan, np.nan])) == pytest.approx(2 * fusion.weights[0])


def test_rows_of_silence_do_not_count():
    odds, synthetic, people = voices(np.random.default_rng(0))
    silent = np.vstack([odds, np.full((8, 3), np.nan)])
    more = np.append(synthetic, [True] * 8), np.append(people, ["nobody"] * 8)
    again, raw = Fusion.fit(("knows", "guesses", "wrong"), silent, *more)
    np.testing.assert_allclose(again.weights, Fusion.fit(("a", "b", "c"), odds, synthetic, people)[0].weights)
    assert np.isnan(raw[-8:]).all()


def test_weights_survive_a_file(fusion, tmp_path):
    fusion.save(tmp_path / "panel.safetensors")
    again = Fusion.read(tmp_path / "panel.safetensors")
    assert again.names == fusion.names
    odds = np.array([1.0, -1.0, 0.5])
    assert again.calibration.score(again.raw(odds)) == fusion.calibration.score(fusion.raw(odds))


def test_log_odds_are_bounded():
    assert log_odds(1.0) == LIMIT
    assert log_odds(0.0) == -LIMIT
    assert np.isnan(log_odds(np.nan))


@pytest.mark.parametrize(("rates", "rate"), [((10, 20), 20), ((10,), 10), ((4, 10), 20), ((7.5, 10), 30)])
def test_the_rate_is_common(rates, rate):
    assert common_rate(rates) == rate


def test_rates_without_a_common_one_are_refused():
    with pytest.raises(ValueError, match="no common rate"):
        common_rate((7.0, 11.0))


class Member:
    """Says what it is told, at the moments of the frames it was given."""

    thresholds, about = {}, {"Trained on": "nothing"}

    def __init__(self, name, fps, score, reason=None):
        self.name, self.fps, self.score, self.reason = name, fps, score, reason
        self.times = []

    def open(self, sound=None):
        self.sound = sound
        return self

    def push(self, observation):
        self.times.append(observation.seconds)

    def evidence(self):
        if self.reason:
            return Evidence.abstention(self.reason)
        scores = np.full(len(self.times), self.score, np.float32)
        return Evidence(self.score, None, 5.0, np.array(self.times), scores, scores - 0.1, scores + 0.1)


def panel(*members, weights=(1.0, 1.0)):
    genuine = np.linspace(-3, 3, 20)
    calibration = Calibration(1.0, 0.0, genuine, np.ones(20))
    weighed = tuple(member.name for member in members[: len(weights)])
    return Panel(members, Fusion(weighed, np.array(weights), calibration))


def watch(panel, seconds=2.0, sound=None):
    reader = panel.open(sound)
    for number in range(round(seconds * panel.fps)):
        frame = SimpleNamespace(seconds=3.07 + number / panel.fps)
        reader.push(Observation(frame.seconds, *[None] * 3))  # type: ignore[arg-type]
    return reader.evidence()


def test_each_is_given_frames_at_its_own_rate():
    slow, fast = Member("slow", 10.0, 0.7), Member("fast", 20.0, 0.8)
    watch(panel(slow, fast), sound="sound")
    assert len(fast.times) == 40
    assert len(slow.times) == 20
    np.testing.assert_allclose(np.diff(slow.times), 0.1, atol=1e-9)
    assert slow.sound == fast.sound == "sound"


def test_two_that_agree_say_more_than_one():
    both = watch(panel(Member("a", 10.0, 0.8), Member("b", 10.0, 0.8)))
    one = watch(panel(Member("a", 10.0, 0.8), Member("b", 10.0, None, "too_dark")))
    assert both.score > one.score > 0.5
    assert both.false_alarms_per_100 <= one.false_alarms_per_100
    assert both.low[0] < both.scores[0] < both.high[0]
    assert both.scores[0] == pytest.approx(both.score, abs=1e-4)
    assert both.details["detectors"]["b"].score == 0.8
    assert one.details["detectors"]["b"].reason == "too_dark"


def test_a_witness_is_shown_and_changes_nothing():
    alone = watch(panel(Member("a", 10.0, 0.8), weights=(1.0,)))
    heard = watch(panel(Member("a", 10.0, 0.8), Member("witness", 10.0, 0.01), weights=(1.0,)))
    assert heard.score == alone.score
    assert heard.details["detectors"]["witness"].score == 0.01


def test_all_silent_is_an_abstention_with_the_usual_reason():
    members = [
        Member(name, 10.0, None, reason) for name, reason in (("a", "no_sound"), ("b", "too_dark"), ("c", "too_dark"))
    ]
    said = watch(panel(*members, weights=(1.0, 1.0, 1.0)))
    assert said.score is None
    assert said.reason == "too_dark"


def test_who_has_no_weight_cannot_speak_for_the_panel():
    said = watch(panel(Member("a", 10.0, None, "too_short"), Member("b", 10.0, 0.99), weights=(1.0, 0.0)))
    assert (said.score, said.reason) == (None, "too_short")


def test_the_panel_that_ships_opens():
    own = default()
    assert set(own.detectors) == {*own.fusion.names, *WITNESSES}
    assert (own.fusion.weights > 0).all()
    assert own.fps == 20
    assert own.level(own.fusion.calibration.least_per_100) == "strong"
    said = own.open().evidence()
    assert (said.score, said.reason) == (None, "too_short")
    assert said.details["detectors"]["lipsync"].reason == "no_sound"
    assert "residual: how it works" in own.about


def test_the_command_asks_whom_it_is_told_to(portrait_path, capsys):
    from facewright.cli.main import run

    assert run(["scan", str(portrait_path), "--detector", "panel", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["inputs"]["detector"] == "panel"
    assert "panel" in answer["result"]["detection"]["detectors"]
