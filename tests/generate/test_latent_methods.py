"""AniTalker, IF-MDM and INFP as methods: with random networks, for what must hold whatever they have learned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError, UsageError
from facewright.core.media import VideoWriter, read_image
from facewright.generate import DialogueDrive, SpeechDrive, VideoDrive, load
from facewright.generate.methods import registry
from facewright.generate.methods.anitalker import presets as anitalker
from facewright.generate.methods.anitalker.model import AniTalkerMotion
from facewright.generate.methods.ifmdm import presets as ifmdm
from facewright.generate.methods.ifmdm.model import IFMDMMotion
from facewright.generate.methods.infp import presets as infp
from facewright.generate.methods.infp.model import INFPMotion
from facewright.generate.nets import stored
from facewright.generate.nets.latentwarp import LatentWarp

METHODS = {"anitalker": (anitalker, AniTalkerMotion), "ifmdm": (ifmdm, IFMDMMotion), "infp": (infp, INFPMotion)}
FAST = {"steps": 5}


@pytest.fixture(scope="module", params=METHODS)
def installed(request, tmp_path_factory):
    """A method with random networks of toy size, installed as imported weights are; and where that is."""
    home = tmp_path_factory.mktemp("home")
    presets, kind = METHODS[request.param]
    install(home / "weights" / "random", presets, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEWRIGHT_HOME", str(home))
        return load(request.param, weights="random", device="cpu"), home


@pytest.fixture
def talker(installed, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(installed[1]))
    return installed[0]


def install(folder, presets, kind):
    folder.mkdir(parents=True)
    torch.manual_seed(1)
    motion = kind(presets.TOY)
    for parameter in motion.parameters():  # output layers begin at zero
        torch.nn.init.normal_(parameter, std=0.1)
    networks = {"stage1": LatentWarp(presets.AUTOENCODER["toy"].net), "stage2": motion}
    files = []
    for stem, network in networks.items():
        path = folder / f"{stem}.safetensors"
        stored.save(network, path)
        raw = path.read_bytes()
        files.append({"file": path.name, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)})
    licences = dict.fromkeys(("code", "weights", "data"), "none")
    record = {"name": "random", "architecture": "random", "files": files, "licences": licences, "data": ["none"]}
    (folder / "record.json").write_text(json.dumps({**record, "made": {}, "metrics": {}}))


def unmarked(clip):
    return np.concatenate(list(clip._unmarked()))


@pytest.fixture(scope="module")
def voice(speech_path):
    return SpeechDrive.open(speech_path, limit=1.8)


def test_a_voice_moves_the_face_alone(talker, portrait_path, voice):
    clip = talker(portrait_path, voice, seed=3, **FAST)
    frames = unmarked(clip)
    assert frames.shape == (45, 512, 512, 3)
    picture = read_image(portrait_path)
    changed = (frames != picture).any((0, 3))
    assert changed.any()
    assert not changed[:, 480:].any()  # the crop does not reach the border of this portrait
    assert (frames[5] != frames[20]).any()
    assert set(clip.weights) == {"stage1.safetensors", "stage2.safetensors"}


def test_chunks_change_no_pixel_and_seeds_do(talker, portrait_path, voice):
    clip = talker(portrait_path, voice, seed=3, **FAST)
    whole = unmarked(replace(clip, chunk=64))
    np.testing.assert_array_equal(whole, unmarked(replace(clip, chunk=1)))
    np.testing.assert_array_equal(whole, unmarked(replace(clip, chunk=7)))
    assert (unmarked(talker(portrait_path, voice, seed=4, **FAST)) != whole).any()


def test_another_frame_rate_lasts_as_long(talker, portrait_path, voice):
    assert len(unmarked(talker(portrait_path, voice, fps=30, **FAST))) == 54
    assert len(unmarked(talker(portrait_path, voice, fps=12, **FAST))) in (21, 22)


def test_a_video_drives_it(talker, portrait_path, tmp_path):
    picture = read_image(portrait_path)
    with VideoWriter(tmp_path / "driving.mp4", width=512, height=512, fps=25) as writer:
        for step in range(6):
            writer.write(np.roll(picture, 4 * step, axis=1)[None])
    clip = talker(portrait_path, VideoDrive.open(tmp_path / "driving.mp4"))
    frames = unmarked(clip)
    assert len(frames) == 6
    assert (frames[0] != frames[5]).any()


def test_a_sealed_file_names_its_weights(talker, portrait_path, voice, tmp_path):
    sealed = talker(portrait_path, replace(voice, limit=1.2), size=384, **FAST).save(tmp_path / "out.mp4")
    assert sealed.frames == 30


def test_controls_are_heard(talker, portrait_path, voice):
    name = talker.method.card.name
    control = {"anitalker": {"yaw": 30}, "ifmdm": {"amplitude": 0.2}, "infp": {"guidance": 4.0}}[name]
    if name == "ifmdm":
        talker.method.model.deviation.fill_(0.5)
    plain, turned = (unmarked(talker(portrait_path, voice, **FAST, **more)) for more in ({}, control))
    assert (plain != turned).any()


def test_a_partner_is_heard_by_who_listens(talker, portrait_path, voice, speech_path):
    drive = DialogueDrive.of(speech_path, speech_path, limit=1.8)
    if talker.method.card.name != "infp":
        with pytest.raises(UsageError):
            talker(portrait_path, drive)
        return
    clip = talker(portrait_path, drive, **FAST)
    assert (unmarked(clip) != unmarked(talker(portrait_path, voice, **FAST))).any()
    assert [item.role for item in clip.draft().ingredients] == ["portrait", "audio", "partner"]


def test_a_manner_is_taken_over_and_named(talker, portrait_path, voice, tmp_path):
    """Two styles, two motions; the clip names whose it was."""
    picture = read_image(portrait_path)
    for name, step in (("calm", 0), ("lively", 9)):
        with VideoWriter(tmp_path / f"{name}.mp4", width=512, height=512, fps=25) as writer:
            writer.write(np.stack([np.roll(picture, step * (frame % 5), axis=1) for frame in range(10)]))
    drives = [voice.in_style(tmp_path / f"{name}.mp4") for name in ("calm", "lively")]
    if talker.method.card.name != "infp":
        with pytest.raises(UsageError, match="manner"):
            talker(portrait_path, drives[0])
        return
    clips = [talker(portrait_path, drive, **FAST) for drive in (voice, *drives)]
    codes = [
        np.concatenate(list(talker.method.motion(each.state, each.drive, controls=each.controls, seed=0, fps=25)))
        for each in clips
    ]
    assert len(np.unique(np.round([each.sum() for each in codes], 6))) == 3
    assert [item.role for item in clips[1].draft().ingredients] == ["portrait", "audio", "style"]


@pytest.mark.parametrize("name", METHODS)
def test_without_weights_it_says_where_to_get_them(name, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path))
    with pytest.raises(AssetError) as caught:
        load(name, weights="nothing")
    assert caught.value.code == "weights_missing"
    assert f"weights import {name}" in caught.value.hint


def test_every_method_has_a_card_and_stages():
    for name in registry.NAMES:
        assert registry.card(name).name == name
        assert registry.card(name).resolve({})
