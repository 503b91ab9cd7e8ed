"""What motion models hear: whole frames, the same however sound arrives, and encoders from a folder only."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from facewright.core import weights
from facewright.core.errors import AssetError, UsageError
from facewright.core.imported import replacing
from facewright.generate.importing.encoder import encoders, import_encoder
from facewright.generate.nets import encoders as module
from facewright.generate.nets.audio import KINDS, RATE, AudioParams, features, front_end, open_features, pieces
from facewright.generate.nets.encoders import SpeechEncoder


def voice(samples: int) -> np.ndarray:
    time = np.arange(samples) / RATE
    wave = 0.4 * np.sin(2 * np.pi * (120 * time + 300 * time**2)) * np.sin(2 * np.pi * 3 * time)
    return wave.astype(np.float32)


def split(sound: np.ndarray, size: int) -> list[np.ndarray]:
    return [sound[start : start + size] for start in range(0, len(sound), size)]


def heard(params: AudioParams, chunks, folder=None) -> torch.Tensor:
    return torch.cat(list(features(chunks, open_features(params, folder), params.substeps)))


@pytest.mark.parametrize("kind", ["logmel", "mfcc", "phones"])
@pytest.mark.parametrize("samples", [100, 3200, 2 * RATE, 3 * RATE + 123])
def test_whole_frames_however_sound_arrives(kind, samples):
    params, sound = KINDS[kind], voice(samples)
    whole = heard(params, [sound])
    frames = max(round(samples / 640), 1)
    assert whole.shape == (frames, params.substeps, params.layers, params.channels)
    assert whole.dtype == torch.float32
    assert whole.isfinite().all()
    for size in (999, 640):
        assert torch.equal(heard(params, split(sound, size)), whole)


@pytest.mark.parametrize("kind", ["logmel", "mfcc", "phones"])
def test_a_click_is_heard_in_its_frame(kind):
    """Features say when something happens: frame 20 begins at 0.8 s."""
    sound = 1e-3 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    sound[int(0.81 * RATE) : int(0.83 * RATE)] += 0.8 * voice(RATE)[: int(0.02 * RATE)] + 0.5
    found = heard(KINDS[kind], [sound])
    change = (found - found.median(0).values).abs().flatten(1).sum(1)
    assert abs(int(change.argmax()) - 20) <= 1


def test_no_sound_gives_no_frames():
    assert list(features([], open_features(KINDS["logmel"]), 4)) == []


def test_mfcc_are_those_of_python_speech_features():
    """Numbers of version 0.6 with its defaults for the same half second."""
    found = torch.cat(list(open_features(KINDS["mfcc"])([voice(8000)])))[:, 0]
    told = {
        0: {0: -5.4141, 1: 23.2305, 12: -11.0541, 13: 0.4431, 26: 0.3976},
        20: {0: -2.3441, 1: 24.4126, 12: -10.7026, 13: 0.3587, 26: 0.3667},
        48: {0: -4.1981, 1: 27.7686, 12: 10.5506, 14: 2.122, 38: -1.2633},
    }
    for tick, numbers in told.items():
        for channel, number in numbers.items():
            assert float(found[tick, channel]) == pytest.approx(number, abs=2e-4)


def test_pieces_hold_what_is_there_and_nothing_else():
    sound = np.arange(25, dtype=np.float32)
    for size in (1, 4, 25):
        found = [(part.tolist(), seen, count) for part, seen, count in pieces(split(sound, size), 10, 3, 2)]
        assert found == [
            (list(range(12)), 0, 10),
            (list(range(7, 22)), 3, 10),
            (list(range(17, 25)), 3, 5),
        ]


def test_a_front_end_looks_around_and_keeps_the_form():
    params = KINDS["logmel"]
    net = front_end(params).eval()
    sound = torch.randn(1, 10, 4, 1, params.channels)
    base = net(sound)
    assert base.shape == (1, 10, 4, 1, params.front)
    sound[0, 5, 0] += 1
    moved = (net(sound) - base).abs().amax((0, 2, 3, 4))
    assert (moved > 0).tolist() == [2 <= frame <= 8 for frame in range(10)]


def test_unknown_features():
    with pytest.raises(UsageError) as caught:
        open_features(AudioParams("wind", 1, 1, 1))
    assert caught.value.code == "bad_features"


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
def test_an_encoder_that_is_not_there_is_never_fetched(kind, tmp_path):
    for folder in (None, tmp_path, tmp_path / "none"):
        with pytest.raises(AssetError) as caught:
            open_features(KINDS[kind], folder)
        assert caught.value.code == "weights_missing"
        assert "folder" in caught.value.hint


TINY = AudioParams("hubert", 16, 3, 2)


@pytest.fixture
def encoder_folder(tmp_path):
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "conv_dim": [8] * 7}
    positions = {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}
    HubertModel(HubertConfig(hidden_size=16, **sizes, **positions)).save_pretrained(tmp_path / "hubert")
    return tmp_path / "hubert"


def test_states_of_a_short_clip_are_those_of_the_whole(encoder_folder):
    sound = voice(RATE)
    found = heard(TINY, split(sound, 1000), encoder_folder)
    assert found.shape == (25, 2, 3, 16)
    states = SpeechEncoder(encoder_folder, TINY).hidden_states(sound)
    torch.testing.assert_close(found.flatten(0, 1)[:49], states)
    assert torch.equal(found[-1, 1], found[-1, 0])  # fifty sub-steps of forty-nine states


def test_a_long_clip_is_heard_in_blocks_that_lie_still(encoder_folder, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2 * RATE)
    monkeypatch.setattr(module, "MARGIN", RATE // 2)
    sound = voice(5 * RATE + 100)
    whole = heard(TINY, [sound], encoder_folder)
    assert whole.shape == (125, 2, 3, 16)
    assert torch.equal(heard(TINY, split(sound, 777), encoder_folder), whole)


def test_an_encoder_that_lacks_a_weight_is_refused(encoder_folder):
    from safetensors.torch import load_file, save_file

    path = encoder_folder / "model.safetensors"
    tensors = load_file(path)
    tensors.pop("encoder.layers.1.final_layer_norm.weight")
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(AssetError) as caught:
        SpeechEncoder(encoder_folder, TINY)
    assert caught.value.code == "bad_weights"


def test_an_encoder_beside_a_checkpoint_is_imported(encoder_folder, monkeypatch):
    from safetensors.torch import load_file

    monkeypatch.setitem(KINDS, "hubert", TINY)
    torch.save(load_file(encoder_folder / "model.safetensors"), encoder_folder / "pytorch_model.bin")
    expected = SpeechEncoder(encoder_folder, TINY).hidden_states(voice(8000))
    (encoder_folder / "model.safetensors").unlink()
    ((kind, path),) = encoders(encoder_folder.parent)
    with replacing("x-hubert") as target:
        import_encoder(path, target, kind=kind, name="x-hubert", made={"source": "here"})
    record = weights.record("x-hubert")
    weights.check(record)
    again = SpeechEncoder(record.files[0].path.parent, TINY)
    torch.testing.assert_close(again.hidden_states(voice(8000)), expected)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"intermediate_size": 10**9}, "unsafe_checkpoint"), ({"num_hidden_layers": 10**6}, "bad_checkpoint")],
)
def test_a_config_that_asks_for_a_giant_is_refused(encoder_folder, monkeypatch, change, code):
    monkeypatch.setitem(KINDS, "hubert", TINY)
    path = encoder_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(AssetError) as caught, replacing("x-hubert") as target:
        import_encoder(encoder_folder, target, kind="hubert", name="x-hubert", made={})
    assert caught.value.code == code
    assert not list(weights.imported_folder().iterdir())
