"""Parts of the way from voice to motion, each against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError
from facewright.core.faces import topology
from facewright.core.weights import check, record
from facewright.generate.methods.meshwarp import phones
from facewright.generate.methods.meshwarp.basis import lip_gap
from facewright.generate.methods.meshwarp.expression import REACH, Looks, express
from facewright.generate.methods.meshwarp.head_motion import Blinks, Gaze, Head, blink
from facewright.generate.methods.meshwarp.lips import LipFit
from facewright.generate.methods.meshwarp.motion_weights import load_motion, load_voice
from facewright.generate.methods.meshwarp.params import VoiceParams
from facewright.generate.methods.meshwarp.voice import SEGMENT, Heard, PhoneNet, loudness, mel_filters, power_spectrum


@pytest.mark.parametrize(
    ("ipa", "classes"),
    [("ˈaɪ", ["a", "ih"]), ("tʃ", ["t", "sh"]), ("œ̃", ["y"]), ("ɐː", ["a"]), ("", []), ("aɪɚ", ["a", "ih", "er"])],
)
def test_ipa(ipa, classes):
    assert phones.from_ipa(ipa) == classes


def test_every_arpabet_phone_has_a_class():
    vowels = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
    stops = ("B", "CH", "D", "G", "JH", "K", "P", "T")
    others = ("DH", "F", "HH", "L", "M", "N", "NG", "R", "S", "SH", "TH", "V", "W", "Y", "Z", "ZH")
    assert all(phones.from_arpabet(one) for one in vowels + stops + others)
    assert all(set(phones.from_arpabet(one)) <= set(phones.CLASSES) for one in vowels + stops + others)
    assert phones.from_arpabet("SIL") == phones.from_arpabet("+SPN+") == []


def test_labels_share_a_segment():
    track = phones.labels([(0.02, 0.06, ["a", "ih"])], 8)
    assert [phones.CLASSES[one] for one in track] == ["sil", "sil", "a", "a", "ih", "ih", "sil", "sil"]


def test_mel_filters_cover_the_band():
    filters = mel_filters(40).numpy()
    assert np.allclose(filters.sum(0), 1, atol=1e-5)
    tone = torch.sin(2 * np.pi * 1000 * torch.arange(16000) / 16000)
    bands = (power_spectrum(tone) @ mel_filters(40)).mean(0)
    warped = (power_spectrum(tone) @ mel_filters(40, 1.2)).mean(0)
    assert bands.argmax() > warped.argmax()  # a band of the warped filters stands for a higher frequency


def test_loudness_is_that_of_the_loudest_moment():
    tone = torch.sin(2 * np.pi * 500 * torch.arange(16000) / 16000)
    soft = torch.cat([0.01 * tone, tone])
    assert loudness(power_spectrum(soft)) == pytest.approx(loudness(power_spectrum(tone)), rel=0.05)
    assert loudness(power_spectrum(0 * tone)) > 0


def test_a_tick_sees_no_further_than_promised():
    params = VoiceParams()
    assert params.future <= 20
    net = PhoneNet(params).eval()
    energy = torch.randn(1, params.past + 30 + params.future, params.bands)
    with torch.inference_mode():
        plain = net(energy)
        later = energy.clone()
        later[:, params.past + 10 + params.future + 1 :] += 1
        assert plain.shape == (1, 30, params.classes)
        assert torch.equal(net(later)[:, :11], plain[:, :11])


def _heard(track: list[str]) -> Heard:
    certain = np.eye(len(phones.CLASSES), dtype=np.float32)[[phones.INDEX[name] for name in track]]
    return Heard(certain, np.ones(len(track), np.float32))


def test_express_is_a_convolution_across_segments():
    random = np.random.default_rng(0)
    looks = Looks(
        random.normal(size=(2 * REACH + 1, len(phones.CLASSES), 3)).astype(np.float32), np.zeros(3, np.float32)
    )
    track = [str(name) for name in random.choice(phones.CLASSES, 3 * SEGMENT + 50)]
    parts = [_heard(track[i : i + SEGMENT]) for i in range(0, len(track), SEGMENT)]
    ticks = list(express(looks, iter(parts)))
    assert [len(one.closure) for one in ticks] == [len(one.phones) for one in parts]
    assert [one.last for one in ticks] == [False, False, False, True]
    got = np.concatenate([one.coefficients for one in ticks])
    silence = [phones.INDEX["sil"]] * REACH
    padded = silence + [phones.INDEX[name] for name in track] + silence
    for tick in (0, SEGMENT - 1, SEGMENT, 2 * SEGMENT + 3, len(track) - 1):
        wanted = sum(looks.kernel[tap, padded[tick + tap]] for tap in range(2 * REACH + 1))
        assert np.allclose(got[tick], wanted, atol=1e-4)


def test_p_b_m_shut_and_silence_rests():
    looks = Looks(np.zeros((2 * REACH + 1, len(phones.CLASSES), 2), np.float32), np.ones(2, np.float32))
    track = ["sil"] * 80 + ["a"] * 20 + ["p"] * 8 + ["a"] * 20 + ["sil"] * 72
    (ticks,) = express(looks, iter([_heard(track)]))
    assert ticks.closure[102:106].min() > 0.95
    assert ticks.closure[np.r_[:90, 118:200]].max() < 0.05
    assert np.abs(ticks.coefficients[:60]).max() < 1e-6 > np.abs(ticks.coefficients[180:]).max()
    assert ticks.activity[85:125].min() > 0.95


@pytest.mark.parametrize("own", [0.0, 0.1])
def test_lip_fit_gives_the_opening_asked_for(own):
    neutral = topology.MEAN_FACE.copy()
    neutral[topology.LIPS_LOWER_INNER[1:-1], 1] += own
    fit = LipFit(neutral)
    random = np.random.default_rng(0)
    shape = random.normal(0, 0.01, (4, 478, 3)).astype(np.float32)
    opening = np.abs(random.normal(0.05, 0.02, (4, 9)))
    shut = fit(shape, opening, np.ones(4), np.ones(4))
    assert np.abs(lip_gap(neutral + shut)).max() < 1e-4
    speaking = fit(shape, opening, np.zeros(4), np.ones(4))
    assert np.allclose(lip_gap(neutral + speaking), opening + 0.5 * fit.own, atol=1e-4)
    resting = fit(np.zeros_like(shape), np.zeros((4, 9)), np.zeros(4), np.zeros(4))
    assert np.abs(resting).max() < 1e-4
    above = neutral[:, 1] < neutral[4, 1]
    assert np.abs((shut - shape)[:, above]).max() < 1e-6


@pytest.fixture(scope="module")
def statistics():
    return load_motion().head


def test_the_head_moves_like_its_statistics(statistics):
    heads = [Head(statistics, seed) for seed in range(5)]
    poses = np.stack([np.concatenate([head.segment(np.ones(200)) for _ in range(20)]) for head in heads])
    ratio = poses.std((0, 1)) / statistics.spread
    assert (ratio > 0.5).all()
    assert (ratio < 1.3).all()
    assert np.abs(poses / statistics.spread).max() < 2.5
    speed = np.abs(np.diff(poses[..., :3], axis=1)).max() * 100
    assert np.degrees(speed) < 60  # a second


def test_the_head_does_not_know_its_segments(statistics):
    whole, parts = Head(statistics, 7), Head(statistics, 7)
    long = whole.segment(np.ones(600))
    short = np.concatenate([parts.segment(np.ones(count)) for count in (200, 37, 163, 200)])
    assert np.allclose(long, short)


def test_the_head_is_calmer_in_silence(statistics):
    loud, calm = (
        np.std([Head(statistics, seed).segment(np.full(1500, activity)) for seed in range(6)])
        for activity in (1.0, 0.0)
    )
    assert 0.3 * loud < calm < 0.8 * loud


def test_blinks_come_every_few_seconds():
    blinks = Blinks(0)
    closure = np.concatenate([blinks.segment(200) for _ in range(150)])
    starts = np.flatnonzero(np.diff((closure > 0.5).astype(int)) == 1) / 100
    assert 300 / 6 < len(starts) < 300 / 2
    assert closure.max() > 0.88
    assert np.concatenate([Blinks(0, 0.0).segment(200) for _ in range(5)]).max() == 0


def test_a_blink_shuts_faster_than_it_opens():
    seconds = np.arange(0, 0.5, 0.001)
    closure = blink(seconds)
    shut = seconds[closure > 0.99]
    assert shut[0] < 0.1 < shut[-1] < 0.16
    above = seconds[closure > 0.05]
    assert shut[0] - above[0] < above[-1] - shut[-1]
    assert 0.2 < above[-1] - above[0] < 0.35


def test_eyes_hold_on_to_the_viewer(statistics):
    pose = np.zeros((2000, 6))
    pose[:, 0] = 0.1 * np.sin(np.arange(2000) / 80)
    gaze = Gaze(statistics, 0).segment(pose)
    assert np.corrcoef(gaze[:, 0], pose[:, 0])[0, 1] < -0.5
    assert 0.5 <= statistics.hold[0] <= 1


def test_shipped_weights_are_recorded_and_small():
    shipped = record("meshwarp")
    check(shipped)
    assert shipped.bytes < 1_000_000
    assert not [source for source in shipped.data if "class C" in source]
    assert shipped.metrics
    assert np.isfinite(load_motion().basis.components).all()


def test_foreign_weights_are_refused(tmp_path):
    path = tmp_path / "voice.safetensors"
    with pytest.raises(AssetError, match="not there"):
        load_voice(path)
    path.write_bytes(b"no tensors here")
    with pytest.raises(AssetError) as raised:
        load_voice(path)
    assert raised.value.code == "bad_weights"
