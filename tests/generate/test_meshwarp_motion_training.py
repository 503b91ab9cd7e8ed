"""Learning the way from voice to motion: each learner gets back what was put in."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError, UsageError
from facewright.core.faces import topology
from facewright.core.weights import check, read_record
from facewright.generate.methods.meshwarp import phones, train
from facewright.generate.methods.meshwarp.basis import Basis, lip_gap, regions
from facewright.generate.methods.meshwarp.motion_weights import load_basis, load_motion, save_motion
from facewright.generate.methods.meshwarp.presets import PRESETS
from facewright.generate.methods.meshwarp.train_basis import learn_basis, measures
from facewright.generate.methods.meshwarp.train_clips import Clip, manifest, mirrored
from facewright.generate.methods.meshwarp.train_expression import Spoken, delay, learn_looks
from facewright.generate.methods.meshwarp.train_head import learn_head
from facewright.generate.methods.meshwarp.voice import Listener


@pytest.fixture(scope="module")
def shipped() -> Basis:
    return load_motion().basis


def talk(basis: Basis, seed: int, lag: float = 0.0, seconds: float = 40.0, fps: float = 25.0) -> Spoken:
    """A clip of a face whose lips part by 0.08 on "a", widen by 0.05 on "iy" and do nothing else, and its phones."""
    random = np.random.default_rng(seed)
    names = [str(name) for name in random.choice(["a", "iy", "p", "sil"], round(seconds * 8))]
    track = np.repeat([phones.INDEX[name] for name in names], 100 // 8)
    certain = np.eye(len(phones.CLASSES), dtype=np.float32)[track]
    at = np.clip(np.round((np.arange(round(seconds * fps)) / fps + lag) * 100).astype(int), 0, len(track) - 1)
    shape = (track[at] == phones.INDEX["a"])[:, None] * 0.08 * basis.directions["open"]
    shape = shape + (track[at] == phones.INDEX["iy"])[:, None] * 0.05 * basis.directions["wide"]
    head = topology.MEAN_FACE + basis.shape(shape)
    pose = random.normal(0, 0.01, (len(head), 6))
    return Spoken(Clip(f"talk {seed}", str(seed), fps, head.astype(np.float32), pose, np.zeros(0, np.float32)), certain)


def test_looks_are_learned_from_what_was_said(shipped):
    looks = learn_looks(shipped, [talk(shipped, 0), talk(shipped, 1)])
    held = measures(shipped.shape(looks.kernel.sum(0)))
    index = phones.INDEX
    assert 0.055 < held["open"][index["a"]] < 0.09
    assert 0.03 < held["wide"][index["iy"]] < 0.06
    assert abs(held["open"][index["p"]]) < 0.01
    assert abs(held["wide"][index["a"]]) < 0.012
    assert np.abs(looks.kernel[:, index["sil"]]).max() == 0
    assert lip_gap(shipped.shape(looks.posture)).max() < 0.012


@pytest.mark.parametrize("lag", [0.0, 0.08, -0.06])
def test_a_sound_that_comes_late_is_found_out(shipped, lag):
    assert delay(talk(shipped, 2, lag)) == pytest.approx(lag, abs=0.021)


def test_a_basis_spans_what_faces_did(shipped):
    random = np.random.default_rng(0)
    clips = []
    for seed in range(3):
        amounts = random.normal(0, 1, (300, 6)) * (np.arange(6) < 6)
        amounts[:60] = 0  # at rest, so that the neutral face is found
        shape = np.einsum("tk,kij->tij", amounts, shipped.components[:6])
        head = (topology.MEAN_FACE + shape).astype(np.float32)
        clips.append(Clip(str(seed), str(seed), 25.0, head, random.normal(0, 0.01, (300, 6)), np.zeros(0, np.float32)))
    smile = topology.MEAN_FACE + shipped.shape(0.05 * shipped.directions["smile"])
    basis = learn_basis(clips, [(topology.MEAN_FACE, smile)])
    for component in shipped.components[:6] * (regions()[0] > 0.5)[:, None]:
        for wanted in (component, mirrored(component)):
            got = basis.shape(basis.coefficients(wanted))
            lips = topology.LIPS_OUTER
            assert np.abs(got - wanted)[lips].max() < 0.4 * np.abs(wanted)[lips].max() + 1e-4
    assert measures(basis.emotions["happy"])["smile"] > 0.03
    assert measures(basis.emotions["sad"])["smile"] < -0.01


def test_head_statistics_come_back():
    random = np.random.default_rng(0)
    spread = np.array([0.08, 0.05, 0.04, 0.1, 0.06, 0.01])
    clips = []
    for seed in range(4):
        noise = random.normal(size=(6000, 6))
        slow = np.zeros((6000, 6))
        for i in range(1, 6000):
            slow[i] = 0.97 * slow[i - 1] + noise[i]
        slow[:, 3] = slow[:, 0]  # a turn moves the face sideways
        pose = slow / slow.std(0) * spread
        head = np.broadcast_to(topology.MEAN_FACE, (6000, 478, 3))
        clips.append(Clip(str(seed), str(seed), 25.0, head, pose, np.zeros(0, np.float32)))
    learned = learn_head(clips)
    companion = np.eye(48, k=-6)
    companion[:6] = np.concatenate(list(learned.transition), axis=1)
    assert np.abs(np.linalg.eigvals(companion)).max() < 1
    assert np.allclose(learned.spread / spread, learned.spread[0] / spread[0], rtol=0.1)
    state, past = [], np.zeros((8, 6))
    for noise in random.normal(size=(8000, 6)):
        now = np.einsum("oij,oj->i", learned.transition, past) + learned.innovation @ noise
        past = np.concatenate([now[None], past[:-1]])
        state.append(now)
    assert np.corrcoef(np.array(state).T)[0, 3] > 0.9
    assert np.std(state, axis=0) == pytest.approx(np.ones(6), abs=0.25)


def test_motion_weights_survive_the_file(shipped, tmp_path):
    speech = load_motion()
    path = tmp_path / "motion.safetensors"
    save_motion(shipped, speech.looks, speech.head, path)
    basis, looks, head = load_basis(path)
    assert np.array_equal(basis.components, shipped.components)
    assert basis.lower == shipped.lower
    assert set(basis.emotions) == {"happy", "sad", "angry", "surprised"}
    assert np.array_equal(looks.kernel, speech.looks.kernel)
    assert np.array_equal(head.transition, speech.head.transition)


def _loudness_of_silence_and_speech(net, speech_path) -> tuple[float, float]:
    from facewright.core.media import read_audio

    samples = read_audio(speech_path)
    track = np.concatenate([np.zeros(16000, np.float32), samples])
    silence = np.concatenate([heard.phones[:, 0] for heard in Listener(net).stream([track])])
    return float(silence[10:80].mean()), float(silence[120:-20].mean())


def test_toy_training_learns_and_resumes(tmp_path, speech_path):
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("pocketsphinx")
    out = tmp_path / "out"
    said = train.train(tmp_path, out, preset="toy", seed=1)
    assert said["preset"] == "toy"
    record = read_record(out / "record.json")
    check(record)
    quiet, loud = _loudness_of_silence_and_speech(train.load_voice(out / "voice.safetensors"), speech_path)
    assert quiet > 2 * loud
    stamp = (out / "voice.safetensors").stat().st_mtime_ns
    (out / "motion.safetensors").unlink()
    train.train(tmp_path, out, preset="toy", seed=1)
    assert (out / "voice.safetensors").stat().st_mtime_ns == stamp  # the finished stage was kept
    assert load_motion(out).basis.lower == load_motion().basis.lower


def test_a_dry_run_makes_nothing(tmp_path):
    said = train.train(tmp_path, tmp_path / "out", preset="toy", dry_run=True)
    assert said["steps"] == PRESETS["toy"].training.steps
    assert not (tmp_path / "out").exists()


def test_unknown_preset_and_missing_data(tmp_path):
    with pytest.raises(UsageError) as raised:
        train.train(tmp_path, tmp_path / "out", preset="huge")
    assert raised.value.code == "unknown_preset"
    with pytest.raises(AssetError) as missing:
        train.train(tmp_path, tmp_path / "out", dry_run=True)
    assert missing.value.code == "data_missing"


def test_class_c_is_left_alone(tmp_path):
    lines = [
        "file,class,identity_id,kind,licence_terms",
        "speech/a.wav,A,ann,,x",
        "speech/b.wav,C,bob,,x",
        "speech/c.wav,B,cyd,,x",
    ]
    (tmp_path / "MANIFEST.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "speech").mkdir()
    for name in "abc":
        (tmp_path / "speech" / f"{name}.wav").touch()
    assert [source.name for source in manifest(tmp_path, "speech")] == ["a", "c"]


def test_espeak_s_closures_are_silent_and_its_speech_repeats():
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("pocketsphinx")
    from facewright.generate.methods.meshwarp.train_espeak import synthesise

    first, second = synthesise(3, seed=2), synthesise(3, seed=2)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.samples, b.samples)
        assert np.array_equal(a.labels, b.labels)
    level = []
    for one in first:
        ticks = one.samples[: len(one.labels) * 160].reshape(len(one.labels), -1)
        power = np.sqrt((ticks**2).mean(1))
        level.append([power[one.labels == phones.INDEX[name]].mean() for name in ("p", "a")])
    stop, vowel = np.mean(level, axis=0)
    assert vowel > 3 * stop


def test_alignment_puts_words_where_they_are(speech_path):
    pytest.importorskip("pocketsphinx")
    from facewright.core.media import read_audio
    from facewright.generate.methods.meshwarp.train_align import align

    samples = read_audio(speech_path)
    words = "bob and pam bumped my big map and maybe /M AH M/ keeps plums by the pump"
    track = align(np.concatenate([np.zeros(8000, np.float32), samples]), words)
    assert (track[:40] == 0).all()
    spoken = [phones.CLASSES[one] for one, before in zip(track[1:], track[:-1], strict=True) if one != before]
    assert sum(name in ("p", "m") for name in spoken) >= 15
    assert json.dumps(spoken).index('"ae"') > json.dumps(spoken).index('"p"')


def test_every_training_draw_is_seeded(monkeypatch):
    from facewright.generate.methods.meshwarp.params import VoiceParams
    from facewright.generate.methods.meshwarp.presets import VoiceTraining
    from facewright.generate.methods.meshwarp.train_espeak import Utterance
    from facewright.generate.methods.meshwarp.train_voice import train_voice

    random = np.random.default_rng(0)
    heard = [
        Utterance(random.normal(0, 0.1, 16000).astype(np.float32), random.integers(0, 25, 100), "x") for _ in range(3)
    ]
    params = VoiceParams(width=8, blocks=((1, 1, 1),))
    sizes = VoiceTraining(steps=3, batch=4, ticks=32)
    first, second, other = (train_voice(params, sizes, heard, [], seed=seed) for seed in (0, 0, 1))
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.stem.weight, other.stem.weight)
