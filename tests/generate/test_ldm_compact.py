"""What small networks of latent diffusion have besides the published ones: the portrait's latent beside the noise."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from facewright.core.training.recipe import Request
from facewright.generate.latent.samples import face_weight
from facewright.generate.ldm.autoencoder import VAEStage
from facewright.generate.methods import registry
from facewright.generate.methods.makeyouranchor import model as anchor
from facewright.generate.methods.makeyouranchor.learning import Body, Head
from facewright.generate.methods.makeyouranchor.presets import passes
from facewright.generate.methods.memo.examples import Example
from facewright.generate.methods.memo.model import Conditions, DiffusionNet, split
from facewright.generate.methods.memo.params import NULL
from facewright.generate.methods.memo.presets import FACES, PICTURES
from facewright.generate.methods.memo.reference import ReferenceNet
from facewright.generate.nets.ldm import flow

NET = FACES["compact"].net


@pytest.fixture(scope="module")
def drawn():
    """Velocities of two stills of one net, told of portraits and, perhaps, of sound."""
    torch.manual_seed(0)
    net, look = DiffusionNet(NET).eval(), ReferenceNet(NET.unet).eval()
    x, face = torch.randn(2, 8, 1, 8, 8), torch.randn(2, 2, 64)
    bank, past = split(look(torch.randn(4, 8, 8, 8), face.repeat_interleave(2, 0)), 2)
    reference, memory = net.look(bank), net.remember(past)

    @torch.inference_mode()
    def velocity(portrait, audio=None, alone=0):
        told = Conditions(face, audio, torch.full((2,), NULL), alone, portrait)
        return net(x, torch.tensor([500.0, 500.0]), told, reference, memory if audio is not None else None)

    return velocity


def test_each_clip_sees_its_portrait_and_so_do_those_without_a_reference(drawn):
    portraits = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    both = drawn(portraits)
    torch.testing.assert_close(drawn(portraits[:1])[0], both[0])  # one portrait is that of all
    assert (drawn(portraits[:1])[1] - both[1]).abs().max() > 1e-3
    assert (drawn(portraits, alone=2) - drawn(-portraits, alone=2)).abs().max() > 1e-3


def test_sound_says_nothing_before_it_is_learned(drawn):
    portraits = torch.zeros(2, 8, 8, 8)
    torch.testing.assert_close(drawn(portraits, torch.randn(2, 1, 4, 64)), drawn(portraits))


def test_errors_count_where_they_are_weighed():
    torch.manual_seed(0)
    latents, noise, share = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3), torch.tensor([0.3, 0.9])
    velocity, left = torch.randn_like(latents), torch.zeros(2, 1, 3, 3)
    assert flow.misses(velocity, latents, noise, share, left).abs().max() == 0
    left[..., 0] = 3  # a third of the places, three times
    first = flow.misses(velocity[..., :1], latents[..., :1], noise[..., :1], share)
    torch.testing.assert_close(flow.misses(velocity, latents, noise, share, left), first)


def test_lips_and_eyes_weigh_more_in_a_latent(portrait_path):
    from facewright.core.faces import find_faces
    from facewright.core.media import read_image

    landmarks = find_faces(read_image(portrait_path))[0].landmarks / 8  # of 64 pixels
    example = Example("anna", np.zeros((1, 8, 16, 16)), None, NULL, landmarks[None], 64)
    weight = example.weight(0)
    assert weight.shape == (1, 16, 16)
    np.testing.assert_allclose(weight.mean(), face_weight(landmarks, 64).mean(), rtol=1e-5)
    column, row = (landmarks[13, :2] / 4).astype(int)  # between the lips
    assert weight[0, row, column] > 1.5 > weight[0, 15, 0] == 0.5


def test_a_falling_rate_ends_at_nothing_and_some_pictures_are_mirrored(tmp_path):
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :32] = 255
    preset = replace(PICTURES["compact"], steps=50)
    stage = VAEStage(Request(tmp_path, tmp_path, preset), lambda _: picture, lambda _: picture, sources=[], name="x")
    (turn,) = stage.turns
    assert turn.schedule(49, 50) == pytest.approx(0, abs=1e-6)
    assert turn.schedule(25, 50) > 0.5
    sides = [bool(stage.draw(position)["picture"][0, 0, 0]) for position in range(20)]
    assert 4 < sum(sides) < 16


@pytest.mark.parametrize(("kind", "name"), [(Body, "body"), (Head, "head")])
def test_an_anchor_sees_what_its_network_expects(kind, name):
    preset = passes(name)["compact"]
    assert preset.unet
    side = preset.unet.side // 4
    stage = object.__new__(kind)  # without its data
    stage.unet = SimpleNamespace(params=preset.unet)
    stage.vae = SimpleNamespace(
        encode=lambda pictures: pictures.mean() + torch.zeros(len(pictures), preset.unet.outputs, side, side)
    )
    batch = {each: torch.full((2, 64, 64, 3), 200, dtype=torch.uint8) for each in ("frame", "appearance")}
    known = stage.known(batch | {"asked": torch.zeros(2, 64, 64, dtype=torch.uint8)})
    assert known.shape == (2, preset.unet.inputs - preset.unet.outputs, side, side)
    net = anchor.UNet(preset.unet)
    assert net.net.conv_in.in_channels == preset.unet.inputs


def test_all_stages_have_a_compact_preset_that_is_not_the_default():
    for method in ("memo", "makeyouranchor"):
        for recipe in registry.stages(method).values():
            assert "compact" in recipe.presets
            assert recipe.preset(None)[0] == "small"
