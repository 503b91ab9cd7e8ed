"""Lip sync: a planted lag is found, another's sound is not taken for one's own, and silence is an abstention."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from facewright.core.errors import InputError
from facewright.core.faces import topology
from facewright.datasets.index import Entry
from facewright.detect import lipsync_training
from facewright.detect.calibration import Calibration
from facewright.detect.detector import Observation, Sound
from facewright.detect.detectors import speech
from facewright.detect.detectors.lipsync import LipSyncDetector, LipSyncModel, peak, runs
from facewright.detect.detectors.speech import FPS, HOP, LIPS, RATE, STEPS
from facewright.detect.detectors.synchrony import REACH, Kinematics, Towers, curve
from facewright.detect.lipsync_judging import judge
from facewright.detect.lipsync_training import Spoken, SyncStage, align


def talk(draw, moments):
    """Lip shapes (t, 8) that follow a voice, and the voice's samples: noise as loud as the mouth is open."""
    open_ = np.convolve(draw.normal(size=moments + 8), np.hanning(5), "same")[4:-4]
    shapes = np.stack([open_ * (0.03 + 0.01 * k) for k in range(len(LIPS))], 1)
    fine = np.interp(np.arange(moments * STEPS * HOP) / (STEPS * HOP), np.arange(moments), open_)
    samples = 0.05 * np.exp(fine) * draw.normal(size=len(fine))
    return shapes.astype(np.float32), np.clip(samples, -1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def clips():
    found = []
    for person in range(5):
        for take in range(2):
            shapes, samples = talk(np.random.default_rng([person, take]), 120)
            entry = Entry(f"{person}-{take}", "genuine", f"p{person}", f"s{person}-{take}", "A: own")
            found.append(Spoken(entry, shapes, speech.log_mel(samples)))
    return found


@pytest.fixture(scope="module")
def model(clips):
    """Two dozen steps of training on the first three people."""
    scale = np.ones(len(LIPS), np.float32) * 0.05
    card = SimpleNamespace()
    torch.manual_seed(0)
    stage = SyncStage(clips[:6], scale, 0, 40, card)  # type: ignore[arg-type]
    for step in range(stage.steps):
        batch = stage.batch(range(step * 16, step * 16 + 16))
        for turn in stage.turns:
            turn.optimiser.zero_grad()
            sum(turn.losses(batch).values()).backward()  # type: ignore[union-attr]
            turn.optimiser.step()
    nothing = Calibration(1.0, 0.0, np.zeros(1), np.ones(1))
    return LipSyncModel(stage.towers.eval(), stage.kinematics.eval(), scale, nothing)


def test_lip_shapes_do_not_hang_on_pose_or_size():
    mouth = speech.lip_shape(topology.MEAN_FACE * 100)
    turned = topology.MEAN_FACE @ np.array([[0.9, 0.436, 0], [-0.436, 0.9, 0], [0, 0, 1]]).T * 250 + 40
    np.testing.assert_allclose(speech.lip_shape(turned), mouth, atol=2e-3)
    opened = topology.MEAN_FACE.copy()
    opened[topology.LIPS_LOWER_INNER[3:-3], 1] += 0.2
    assert speech.lip_shape(opened * 100)[0] == pytest.approx(mouth[0] + 0.2, abs=0.01)


def test_log_mel_is_centred_on_its_samples():
    samples = np.zeros(RATE, np.float32)
    samples[40 * HOP] = 1
    assert speech.log_mel(samples).shape == (RATE // HOP, speech.BANDS)
    assert speech.log_mel(samples).sum(1).argmax() == 40


def test_rows_are_cut_at_breaks():
    times = np.concatenate([np.arange(60) / FPS, 10 + np.arange(55) / FPS, [30.0]])
    found = list(runs(times, np.zeros((len(times), 8))))
    assert [len(moments) for moments, _ in found] == [60, 55]
    assert found[1][0][0] == pytest.approx(10)


@pytest.mark.parametrize("lag", [-8, 0, 5])
def test_a_curve_peaks_at_the_lag(lag):
    codes = torch.randn(1, 80, 3, generator=torch.Generator().manual_seed(0))
    later = torch.roll(codes, lag, 1)
    assert int(curve(codes, later)[0].argmax()) - REACH == lag


def test_networks_are_small_and_do_not_hang_on_the_batch():
    towers, kinematics = Towers().eval(), Kinematics().eval()
    assert sum(p.numel() for net in (towers, kinematics) for p in net.parameters()) < 1_000_000
    shapes, mel = torch.randn(2, 60, 8), torch.randn(2, 60 * STEPS, speech.BANDS)
    for net in (towers, kinematics):
        assert net.lips(shapes).shape[:2] == net.sound(mel).shape[:2] == (2, 60)
        torch.testing.assert_close(net.lips(shapes)[1:], net.lips(shapes[1:]))


def test_a_planted_lag_is_found_on_new_people(clips, model):
    shapes, samples = clips[8].shapes, clips[8].mel
    late = np.roll(samples, 4 * STEPS, 0)
    found, sure = peak(model.curve(shapes[10:-10], late[10 * STEPS : -10 * STEPS]))
    assert found == pytest.approx(0.2, abs=0.06)
    _, stranger = peak(model.curve(shapes, clips[9].mel))
    assert sure > 2 * stranger


def test_recordings_are_aligned(clips, model):
    late = [replace(clip, mel=np.roll(clip.mel, (number % 2) * 3 * STEPS, 0)) for number, clip in enumerate(clips)]
    lags = [clip.lag for clip in align(late, [model] * len(late))]
    assert np.mean(lags[1::2]) - np.mean(lags[::2]) == pytest.approx(0.15, abs=0.04)
    assert np.mean(lags) == pytest.approx(0, abs=1e-6)


def test_judging_counts_people_and_finds_what_is_there(clips, model):
    metrics, calibration = judge([(clip, model) for clip in clips], 0)
    assert metrics["people"] == 5
    assert metrics["AUC of own against another's sound"] > 0.9
    assert metrics["share of lags found"] > 0.8
    assert calibration.weights.sum() == pytest.approx(5)
    foreign = [replace(clip, mel=clips[(n + 4) % 10].mel) for n, clip in enumerate(clips)]
    assert judge([(clip, model) for clip in foreign], 0)[0]["share of lags found"] < 0.5


class Voice(Sound):
    """Samples in place of a file."""

    def __init__(self, samples):
        object.__setattr__(self, "samples", samples)

    def between(self, start, seconds):
        if self.samples is None:
            raise InputError("no_audio", "none")
        return self.samples[round(start * RATE) : round((start + seconds) * RATE)]


@pytest.fixture(scope="module")
def detector(clips, model):
    return LipSyncDetector(replace(model, calibration=judge([(clip, model) for clip in clips], 0)[1]))


def listen(detector, sound, shapes, monkeypatch, face=200.0):
    given = iter(shapes)
    monkeypatch.setattr("facewright.detect.detectors.lipsync.lip_shape", lambda _: next(given))
    reader = detector.open(sound)
    for number in range(len(shapes)):
        reader.push(Observation(number / FPS, None, None, SimpleNamespace(size=face, landmarks=None)))  # type: ignore[arg-type]
    return reader.evidence()


def test_own_sound_scores_low_and_anothers_high(detector, monkeypatch):
    shapes, samples = talk(np.random.default_rng(77), 160)
    own = listen(detector, Voice(samples), shapes, monkeypatch)
    other = listen(detector, Voice(talk(np.random.default_rng(78), 160)[1]), shapes, monkeypatch)
    assert own.score < 0.3 < 0.7 < other.score
    assert own.details["confidence"] > other.details["confidence"]
    assert abs(own.details["offset"]) < 0.06
    assert (own.low <= own.scores).all()
    assert (own.scores <= own.high).all()
    assert len(own.times) > 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("none", "no_sound"),
        ("file", "no_sound"),
        ("quiet", "too_quiet"),
        ("still", "not_speaking"),
        ("short", "too_short"),
        ("small", "face_too_small"),
    ],
)
def test_it_abstains_with_a_reason(detector, monkeypatch, change, reason):
    shapes, samples = talk(np.random.default_rng(77), 100)
    sound = {"none": None, "file": Voice(None), "quiet": Voice(samples * 1e-4)}.get(change, Voice(samples))
    shapes = shapes * 0 if change == "still" else shapes[:20] if change == "short" else shapes
    said = listen(detector, sound, shapes, monkeypatch, 40.0 if change == "small" else 200.0)
    assert (said.score, said.reason) == (None, reason)


def test_weights_survive_a_file(detector, tmp_path, clips):
    detector.model.save(tmp_path / "lipsync.safetensors")
    again = LipSyncModel.read(tmp_path / "lipsync.safetensors")
    np.testing.assert_array_equal(
        again.curve(clips[0].shapes, clips[0].mel), detector.model.curve(clips[0].shapes, clips[0].mel)
    )
    assert again.calibration.slope == detector.model.calibration.slope


def test_clips_without_sound_are_no_material(tmp_path, clip_path):
    (tmp_path / "index.jsonl").write_text(
        f'{{"video": "{clip_path}", "label": "genuine", "identity": "a", "source": "b", "licence": "own"}}\n'
    )
    with pytest.raises(InputError, match="is heard"):
        lipsync_training.listen(tmp_path / "index.jsonl", tmp_path / "cache")
