"""MEMO as a method: with random networks, for what must hold whatever they have learned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError, UsageError
from facewright.core.faces import crop_face, largest_face
from facewright.core.faces.topology import LIPS_OUTER, NOSE
from facewright.core.media import VideoReader, VideoWriter, read_image
from facewright.generate import SpeechDrive, load
from facewright.generate.latent.samples import recipe
from facewright.generate.methods.memo.clips import LENGTH, Networks, Sampling, draw
from facewright.generate.methods.memo.feeling import felt
from facewright.generate.methods.memo.hearing import Listener
from facewright.generate.methods.memo.memory import TemporalModule
from facewright.generate.methods.memo.model import DiffusionNet
from facewright.generate.methods.memo.params import (
    AudioProjectionParams,
    EmotionParams,
    ImageProjectionParams,
    MemoParams,
    TemporalParams,
)
from facewright.generate.methods.memo.projections import AudioProjection, EmotionClassifier, ImageProjection
from facewright.generate.methods.memo.reference import ReferenceNet
from facewright.generate.nets import stored
from facewright.generate.nets.ldm.unet import UNetParams
from facewright.generate.nets.ldm.vae import VAE, VAEParams

UNET = UNetParams(widths=(32, 32), depth=1, heads=2, context=16)
FAST = {"steps": 1}
SIDE = 128


def networks():
    torch.manual_seed(1)
    nets = {
        "vae": VAE(VAEParams((32, 32, 32, 32), depth=1, side=SIDE)),
        "reference_net": ReferenceNet(UNET),
        "diffusion_net": DiffusionNet(MemoParams(UNET, 32, TemporalParams(blocks=1, attentions=2, heads=2))),
        "audio_proj": AudioProjection(AudioProjectionParams(layers=2, channels=32, width=32, tokens=4, audio=32)),
        "image_proj": ImageProjection(ImageProjectionParams(16, 4, UNET.context)),
    }
    for stem in ("reference_net", "diffusion_net"):
        for parameter in nets[stem].parameters():  # output layers begin at zero
            torch.nn.init.normal_(parameter, std=0.2)
    return {stem: net.eval() for stem, net in nets.items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where random networks of toy size, and an encoder, are installed as imported weights are."""
    transformers = pytest.importorskip("transformers")
    home = tmp_path_factory.mktemp("home")
    for stem, net in networks().items():
        (home / "weights" / "random").mkdir(parents=True, exist_ok=True)
        stored.save(net, home / "weights" / "random" / f"{stem}.safetensors")
    config = transformers.Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    transformers.Wav2Vec2Model(config).save_pretrained(home / "weights" / "random-wav2vec2")
    for folder in (home / "weights").iterdir():
        files = [
            {"file": path.name, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
            for path in folder.glob("*.safetensors")
            for raw in [path.read_bytes()]
        ]
        licences = dict.fromkeys(("code", "weights", "data"), "none")
        record = {"name": folder.name, "architecture": "random", "files": files, "licences": licences}
        (folder / "record.json").write_text(json.dumps({**record, "data": ["none"], "made": {}, "metrics": {}}))
    return home


@pytest.fixture
def talker(home, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(home))
    return load("memo", weights="random", device="cpu")


@pytest.fixture(scope="module")
def voice(speech_path):
    return SpeechDrive.open(speech_path, limit=1.4)


def unmarked(clip):
    return np.concatenate(list(clip._unmarked()))


def test_a_voice_moves_the_face_alone(talker, portrait_path, voice):
    clip = talker(portrait_path, voice, seed=3, fps=25, **FAST)
    frames = unmarked(clip)
    assert frames.shape == (35, 512, 512, 3)  # two clips and a part of a third
    changed = (frames != read_image(portrait_path)).any((0, 3))
    assert changed.any()
    assert not changed[:, 480:].any()  # the crop does not reach the border of this portrait
    assert (frames[5] != frames[20]).any()
    assert {"vae.safetensors", "diffusion_net.safetensors", "model.safetensors"} <= set(clip.weights)


def test_an_unchanged_crop_goes_back_where_it_was(talker, portrait_path):
    picture = read_image(portrait_path)
    face = largest_face(picture)
    state = talker.method.prepare(picture, face)
    crop = crop_face(picture, face, recipe(SIDE)).image
    frame, black, white = talker.method.render(state, np.stack([crop, 0 * crop, 0 * crop + 255]))
    outside = (black == white).all(-1)
    assert outside[:, 480:].all()
    assert not outside.all()
    np.testing.assert_array_equal(frame[outside], picture[outside])
    np.testing.assert_array_equal(black[outside], picture[outside])
    assert np.abs(frame.astype(int) - picture)[~outside].mean() < 12  # a crop of a quarter of the picture's side


def test_chunks_change_no_pixel_and_seeds_do(talker, portrait_path, voice):
    short = replace(voice, limit=0.8, seconds=0.8)
    clip = talker(portrait_path, short, seed=3, fps=25, **FAST)
    whole = unmarked(replace(clip, chunk=64))
    assert len(whole) == 20
    np.testing.assert_array_equal(whole, unmarked(replace(clip, chunk=1)))
    np.testing.assert_array_equal(whole, unmarked(replace(clip, chunk=7)))
    assert (unmarked(talker(portrait_path, short, seed=4, fps=25, **FAST)) != whole).any()


def test_controls_are_heard(talker, portrait_path, voice):
    short = replace(voice, limit=0.4, seconds=0.4)
    plain = unmarked(talker(portrait_path, short, **FAST))
    assert len(plain) == 12  # at the 30 frames a second of the card
    for control in ({"emotion": 3}, {"guidance": 2.0}, {"steps": 3}, {"guidance_audio": 6}, {"precision": "bfloat16"}):
        assert (unmarked(talker(portrait_path, short, **{**FAST, **control})) != plain).any(), control
    with pytest.raises(UsageError):
        unmarked(talker(portrait_path, short, emotion="happy"))  # nobody said which class that would be


def test_sound_is_heard_at_any_frame_rate_in_blocks_of_any_size(home):
    listener = Listener(home / "weights" / "random-wav2vec2", AudioProjectionParams(layers=2, channels=32))
    sound = np.random.default_rng(0).standard_normal(16000 * 3 // 2).astype(np.float32)
    whole = torch.cat(list(listener([sound], 30)))
    assert whole.shape == (45, 5, 2, 32)
    torch.testing.assert_close(torch.cat(list(listener(np.array_split(sound, 7), 30))), whole)
    torch.testing.assert_close(whole[:-2, 2], whole[2:, 0])  # the window lies around its frame
    torch.testing.assert_close(whole[0, 0], whole[0, 2])  # and its edge is repeated
    assert len(torch.cat(list(listener([sound], 23.976)))) == 36


def test_later_clips_remember_and_blocks_of_sound_do_not_matter():
    nets = networks()
    drawing = Networks(nets["vae"], nets["reference_net"], nets["diffusion_net"])
    random = torch.Generator().manual_seed(2)
    portrait, face = torch.randn(1, 4, 8, 8, generator=random), torch.randn(2, 4, 16, generator=random)
    sound = torch.randn(2 * LENGTH + 3, 4, 32, generator=random)

    def noise(clip):
        return torch.randn(4, LENGTH, 8, 8, generator=torch.Generator().manual_seed(clip))

    def film(blocks):
        return list(draw(drawing, portrait, face, blocks, noise, Sampling(steps=2)))

    whole = film([sound])
    assert [len(clip) for clip in whole] == [LENGTH, LENGTH, 3]
    for other, clip in zip(film(sound.split(5)), whole, strict=True):
        torch.testing.assert_close(other, clip)
    changed = film([torch.cat([1 - sound[:LENGTH], sound[LENGTH:]])])  # another beginning changes what follows it
    assert (changed[1] - whole[1]).abs().max() > 1e-4


@torch.inference_mode()
def test_memory_is_the_decayed_sum_of_all_clips_and_stays_as_small():
    torch.manual_seed(0)
    params, clips, frames = TemporalParams(blocks=1, attentions=1, heads=2), 40, 5
    module = TemporalModule(32, params).double()
    past = torch.randn(clips, 1, frames, 3, 32, dtype=torch.float64)  # clips b p h·w c
    traces = None
    for clip in past:
        traces = module.remember(clip, traces)
    assert traces is not None
    (trace,) = traces
    assert trace.values.shape == (3, 2, 16, 16)
    assert trace.keys.shape == (3, 2, 1, 16)

    (block,) = module.blocks
    attention, norm = block.attentions[0].attention, block.norms[0]
    values, keys = torch.zeros(3, 2, 16, 16).double(), torch.zeros(3, 2, 16).double()
    for number, clip in enumerate(past):
        normed = torch.nn.functional.group_norm(
            clip[0].transpose(1, 2), 32, module.norm.weight, module.norm.bias, module.norm.eps
        )
        seen = norm(module.proj_in(normed.permute(2, 0, 1)))  # h·w p c
        key = attention.to_k(seen).unflatten(-1, (2, 16)).softmax(1)  # h·w p heads d
        value = attention.to_v(seen).unflatten(-1, (2, 16))
        for frame in range(frames):
            ago, before = frames - 1 - frame, frames * (clips - 1 - number)
            outer = torch.einsum("nhd,nhe->nhde", key[:, frame], value[:, frame])
            values += params.decay ** (2 * ago + before) * outer
            keys += params.decay ** (ago + before) * key[:, frame]
    torch.testing.assert_close(trace.values, values)
    torch.testing.assert_close(trace.keys[:, :, 0], keys)


def test_without_weights_it_says_where_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path))
    with pytest.raises(AssetError) as caught:
        load("memo")
    assert caught.value.code == "weights_missing"
    assert "weights import memo" in caught.value.hint


@pytest.fixture(scope="module")
def film(portrait_path, tmp_path_factory):
    """A short video of the portrait, wider than high."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    picture = read_image(portrait_path)[:288]
    with VideoWriter(path, width=512, height=288, fps=25) as writer:
        writer.write(np.stack([np.roll(picture, frame, 1) for frame in range(12)]))
    return path


def test_a_film_is_dubbed_below_the_nose_alone(talker, film, voice):
    clip = talker(film, replace(voice, limit=2.0), seed=3, fps=25, size=288, **FAST)
    assert clip.drive.kind == "lipsync"
    assert [item.role for item in clip.draft().ingredients] == ["portrait", "audio"]
    frames, shown = unmarked(clip), np.concatenate(list(VideoReader(film, fps=25)))
    assert frames.shape == shown.shape == (12, 288, 512, 3)  # as long as the film
    face = largest_face(shown[4])
    nose = int(face.landmarks[NOSE, 1].max())
    changed = (frames[4] != shown[4]).any(-1)
    assert changed.any()
    assert not changed[: nose - 12].any()
    x, y = face.landmarks[LIPS_OUTER, :2].mean(0).astype(int)
    assert changed[y - 3 : y + 3, x - 3 : x + 3].any()
    np.testing.assert_array_equal(frames, unmarked(replace(clip, chunk=5)))


@pytest.mark.parametrize(("height", "width"), [(288, 512), (512, 288)])
def test_wide_and_tall_pictures_keep_their_shape(talker, portrait_path, voice, height, width):
    picture = read_image(portrait_path)[:height, (0 if width == 512 else 90) :][:, :width]
    clip = talker(picture, replace(voice, limit=0.3, seconds=0.3), size=288, fps=25, **FAST)
    frames = unmarked(clip)
    assert frames.shape[1:] == (height, width, 3)
    unchanged = (frames == picture).all((0, 3))
    assert 0.3 < unchanged.mean() < 0.99


def test_emotions_by_name_by_level_and_as_heard(talker, portrait_path, voice, monkeypatch):
    short = replace(voice, limit=0.4, seconds=0.4)
    net, heard = talker.method.nets.diffusion, talker.method.audio.params
    monkeypatch.setattr(net, "params", replace(net.params, emotions=("neutral", "happy")))

    def film(**controls):
        return unmarked(talker(portrait_path, short, **{**FAST, **controls}))

    happy = film(emotion="happy")
    np.testing.assert_array_equal(happy, film(emotion=1))
    assert (happy != film(emotion="neutral")).any()
    assert (happy != film(emotion="happy", level=0.3)).any()
    np.testing.assert_array_equal(film(emotion="happy", level=0), film(emotion="neutral", level=0))
    classifier = EmotionClassifier(EmotionParams(heard.layers * heard.channels, 8, 2)).eval()
    for parameter in classifier.parameters():
        torch.nn.init.zeros_(parameter)
    classifier.layers[-1].bias.data[1] = 1  # it hears nothing but joy
    monkeypatch.setattr(talker.method, "classifier", classifier)
    np.testing.assert_array_equal(film(), happy)


def test_every_second_of_a_voice_has_one_class():
    torch.manual_seed(0)
    classifier = EmotionClassifier(EmotionParams(6, 8, 2)).eval()
    sound = torch.randn(130, 2, 3).cumsum(0)
    whole = list(felt([sound], classifier, 25.0))
    labels = torch.cat([each for _, each in whole])
    torch.testing.assert_close(torch.cat([own for own, _ in whole]), sound)
    for size in (1, 7):
        parts = list(felt(sound.split(size), classifier, 25.0))
        torch.testing.assert_close(torch.cat([each for _, each in parts]), labels)
    seconds = [labels[start : start + 25].unique() for start in range(0, 130, 25)]
    assert all(len(each) == 1 for each in seconds)
    middle = classifier(sound[round(62.5 - 37.5) : round(62.5 + 37.5)].mean(0).flatten()[None]).argmax()
    assert seconds[2] == middle  # centred three seconds


def test_sound_without_an_encoder_is_heard_at_any_rate():
    listener = Listener(None, AudioProjectionParams(layers=4, channels=80, kind="logmel"))
    sound = np.random.default_rng(0).standard_normal(16000 * 2).astype(np.float32)
    for fps, count in ((25, 50), (30, 60)):
        whole = torch.cat(list(listener([sound], fps)))
        assert whole.shape == (count, 5, 4, 80)
        torch.testing.assert_close(torch.cat(list(listener(np.array_split(sound, 5), fps))), whole)


def test_tight_memory_draws_in_tiles(talker, portrait_path, voice):
    short = replace(voice, limit=0.2, seconds=0.2)
    whole = unmarked(talker(portrait_path, short, **FAST))
    assert not talker.method.nets.vae.net.use_tiling
    tight = unmarked(talker(portrait_path, short, max_memory=0.001, **FAST))
    assert talker.method.nets.vae.net.use_tiling
    np.testing.assert_array_equal(whole, tight)  # this toy's pictures are smaller than a tile
