"""Training of MEMO and Make-Your-Anchor: toy presets learn two clips by heart, and what they made is used."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from facewright.cli.main import run
from facewright.core.training import Options, train
from facewright.core.training.recipe import Request
from facewright.generate import RendersDrive, SpeechDrive, load
from facewright.generate.importing.trained import add_weights
from facewright.generate.methods import registry
from facewright.generate.methods.makeyouranchor import mesh
from facewright.generate.methods.memo.examples import emotion_of
from facewright.generate.methods.memo.params import NULL
from facewright.generate.nets.ldm import flow, lora

from .wandering import wander

MEASURED = {  # by each stage, on what it does not learn from
    "memo": ("difference", "unseen_error", "unseen_error"),
    "makeyouranchor": ("difference", "unseen_noise", "unseen_noise"),
}
LEARNED = {"memo": (20, 20, 30), "makeyouranchor": (16, 8, 6)}  # steps of each stage


@pytest.fixture(scope="session")
def clips(portrait_path, speech_path, tmp_path_factory):
    return wander(portrait_path, speech_path, tmp_path_factory.mktemp("clips"))


def learn(name, clips, out, stage, steps, **wishes):
    stages = registry.stages(name)
    return train(name, stages, stage, clips, out, preset="toy", steps=steps, options=Options(device="cpu"), **wishes)


def course(out, stage, figure):
    lines = (out / f"stage-{stage}" / "log.jsonl").read_text().splitlines()
    return [row[figure] for row in map(json.loads, lines) if figure in row]


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_two_clips_are_learned_by_heart_and_drawn(name, clips, portrait_path, speech_path, tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    for stage, figure in enumerate(MEASURED[name]):
        learn(name, clips, tmp_path, stage, LEARNED[name][stage])
        found = course(tmp_path, stage, f"evaluate/{figure}")
        assert found[-1] < (0.8, 0.85, 0.9)[stage] * found[0], stage
        sheets = list((tmp_path / f"stage-{stage}" / "samples").glob("*.png"))
        assert sheets or (name, stage) == ("memo", 2)
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    record = add_weights("mine", tmp_path)
    assert len({file.path.name for file in record.files}) == len(record.files) >= 6
    talker = load(name, weights="mine", device="cpu")
    if name == "memo":
        assert talker.method.nets.diffusion.params.emotions
        clip = talker(portrait_path, SpeechDrive.open(speech_path, limit=0.4), fps=25, steps=2, emotion="happy")
        count = 10
    else:
        drive = RendersDrive.open(clips.parent / "anna_happy.mp4", limit=0.2)
        clip, count = talker(portrait_path, drive, fps=25, steps=2, window=8), 5
    frames = np.concatenate(list(clip._unmarked()))
    assert frames.shape == (count, 512, 512, 3)
    assert (frames[0] != frames[-1]).any()


@pytest.mark.parametrize("name", MEASURED)
def test_a_stage_needs_the_one_before(name, clips, tmp_path):
    with pytest.raises(Exception, match="stage 0"):
        learn(name, clips, tmp_path, 1, 1)


def test_dry_runs_tell_what_there_is(clips, tmp_path, capsys):
    for name in ("memo", "make-your-anchor"):
        command = ["train", name, "--data", str(clips), "--out", str(tmp_path / name), "--stage", "1"]
        assert run([*command, "--dry-run", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["result"]
        assert told["videos"] == 3
        assert told["preset"] == "small"
    video = str(clips.parent / "anna_happy.mp4")
    person = ["train", "make-your-anchor", "--person", video, "--out", str(tmp_path / "one")]
    assert run([*person, "--stage", "1", "--preset", "lora", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["people"] == 1
    assert run([*person, "--stage", "1", "--preset", "lora", "--json"]) != 0  # there is nothing to fine-tune
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "weights_missing"


def test_what_a_velocity_misses_is_the_error_of_the_picture():
    torch.manual_seed(0)
    latents, noise, share = torch.randn(3, 4, 2, 2), torch.randn(3, 4, 2, 2), torch.tensor([0.1, 0.5, 0.9])
    x, t = flow.mixed(latents, noise, share)
    torch.testing.assert_close(t, 1000 * share)
    velocity = torch.randn_like(latents)
    guess = x - share.view(-1, 1, 1, 1) * velocity
    torch.testing.assert_close(
        flow.misses(velocity, latents, noise, share), (guess - latents).square().flatten(1).mean(1)
    )
    assert flow.misses(noise - latents, latents, noise, share).max() == 0


def test_scales_of_conditions_are_weights_of_passes():
    torch.manual_seed(0)
    passes = torch.randn(4)
    scales = (2.0, 3.5, 1.5)
    by_the_book = passes[0] + sum(scale * (passes[i + 1] - passes[i]) for i, scale in enumerate(scales))
    found = flow.scaled(scales)
    assert sum(weight * passes[told] for told, weight in found.items()) == pytest.approx(by_the_book.item(), abs=1e-6)
    assert flow.scaled((3.5, 3.5, 3.5)) == {0: -2.5, 3: 3.5}  # one scale for all: two passes
    assert flow.scaled((1, 1, 1)) == {3: 1.0}


def test_known_latents_stay_as_they_are():
    noise = torch.randn(1, 2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    where = torch.zeros(1, 1, 3, 4, 4)
    where[..., :2, :] = 1
    known = flow.Known(torch.full_like(noise, 0.25), where)
    made = flow.sample(lambda x, t: torch.ones_like(x), noise, 5, known=known)
    assert (made[..., :2, :] == 0.25).all()
    assert (made[..., 2:, :] != 0.25).all()


def test_low_rank_changes_merge_into_the_weights():
    from diffusers.models.attention_processor import Attention

    torch.manual_seed(0)
    net = torch.nn.ModuleList([Attention(32, heads=2, dim_head=16)])
    x = torch.randn(1, 5, 32)
    before = net[0](x)
    changes = lora.adapt(net, 4)
    torch.testing.assert_close(net[0](x), before)  # they begin at nothing
    assert sum(each.numel() for each in changes) == 4 * 2 * 4 * 32
    assert {id(each) for each in net.parameters() if each.requires_grad} == {id(each) for each in changes}
    for change in changes:
        torch.nn.init.normal_(change, std=0.1)
    whole = torch.nn.ModuleList([Attention(32, heads=2, dim_head=16)])
    whole.load_state_dict(lora.merged(net))
    torch.testing.assert_close(whole[0](x), net[0](x))
    assert (whole[0](x) - before).abs().max() > 1e-3


def test_files_name_emotions(tmp_path):
    names = ("neutral", "happy", "sad")
    assert emotion_of(tmp_path / "M003" / "front" / "happy" / "level_3" / "001.mp4", names) == 1
    assert emotion_of(tmp_path / "anna-sadness.mp4", names) == 2
    assert emotion_of(tmp_path / "unhappily.mp4", names) == NULL


def test_samples_follow_from_their_position_and_meshes_from_faces(clips, tmp_path):
    from facewright.generate.methods.makeyouranchor.footage import footage

    (first, second), sources = footage(clips, tmp_path, 64, tracked=True, progress=lambda _: None)
    assert len(sources) == 2  # the third is kept apart
    assert first.frames.shape == first.renders.shape == (len(first), 64, 64, 3)
    assert len(first) >= 35
    seen, unseen = first.parted()
    assert len(seen) + len(unseen) == len(first)
    assert (first.renders[0] != first.renders[20]).any()  # the head has turned
    shown = mesh.render(np.array(first.landmarks[0]), 64, 64)
    np.testing.assert_array_equal(shown, first.renders[0])
    inside = shown.any(-1)
    assert 0.05 < inside.mean() < 0.6
    assert not mesh.render(None, 8, 8).any()
    again, _ = footage(clips, tmp_path, 64, tracked=True, progress=lambda _: None)
    np.testing.assert_array_equal(again[1].frames, second.frames)


def test_positions_decide_samples(clips, tmp_path):
    recipe = registry.stages("memo")[0]
    stages = [recipe.build(Request(clips, tmp_path, recipe.presets["toy"])) for _ in range(2)]
    for key, value in stages[0].draw(5).items():
        np.testing.assert_array_equal(value, stages[1].draw(5)[key])
    assert (stages[0].draw(6)["picture"] != stages[0].draw(5)["picture"]).any()
