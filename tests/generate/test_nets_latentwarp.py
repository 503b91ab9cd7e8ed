"""The latent-warp auto-encoder from outside: frames, motion codes, flows, learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError, UsageError
from facewright.generate.nets.latentwarp import LatentWarp, LatentWarpParams, hybrid_picture, relative_motion
from facewright.generate.nets.latentwarp.official import load_official

SMALL = LatentWarpParams(size=32, style=24, motion=6, width=1 / 32)
METHODS = {
    "lia": SMALL,
    "anitalker": replace(SMALL, hal=True, decouple=True),
    "ifmdm": replace(SMALL, tanh=True, fill=True, refine=True),
    "infp": replace(SMALL, own_motion_encoder=True, fill=True),
}


@pytest.fixture(params=METHODS)
def net(request):
    torch.manual_seed(0)
    return LatentWarp(METHODS[request.param]).eval()


def pictures(count: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@torch.no_grad()
def test_a_row_of_a_batch_equals_that_row_alone(net):
    portraits, drivers = pictures(3), pictures(3, 2)
    motion = net.motion(drivers)
    together = net.decode(net.encode(portraits), motion)
    for i in range(3):
        assert torch.allclose(net.motion(drivers[i : i + 1]), motion[i : i + 1], atol=1e-5)
        alone = net.decode(net.encode(portraits[i : i + 1]), motion[i : i + 1])
        assert torch.allclose(alone, together[i : i + 1], atol=1e-4)


@torch.no_grad()
def test_one_portrait_serves_many_frames(net):
    appearance, motion = net.encode(pictures(1)), net.motion(pictures(4, 2))
    frames = net.decode(appearance, motion)
    assert frames.shape == (4, 3, 32, 32)
    assert torch.allclose(frames[2:3], net.decode(appearance, motion[2:3]), atol=1e-4)
    assert not torch.allclose(frames[0], frames[1], atol=1e-2)


def test_frames_are_the_same_with_and_without_gradients(net):
    appearance, motion = net.encode(pictures(2)), net.motion(pictures(2, 2))
    decoded = net.decode_with_flow(appearance, motion)
    with torch.no_grad():
        assert torch.allclose(decoded.picture, net.decode(appearance, motion), atol=1e-4)


def test_every_parameter_learns(net):
    decoded = net.decode_with_flow(net.encode(pictures(2)), net.motion(pictures(2, 2)))
    decoded.picture.square().mean().backward()
    idle = {name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0}
    if net.heads is not None:  # identity has losses of its own
        assert {name for name in idle if name.startswith(("heads.identity", "heads.density"))}
        idle = {name for name in idle if not name.startswith(("heads.identity", "heads.density"))}
    last = "decoder.scales.2.fill."  # what it would paint is read by no further scale; official checkpoints have it
    assert not {name for name in idle if not name.startswith(last)}


def test_flow_can_be_supervised():
    torch.manual_seed(0)
    net = LatentWarp(SMALL)
    portrait, driver = pictures(1), pictures(1, 2)
    wanted = torch.tensor([0.25, -0.125])[:, None, None]  # four pixels right and two up, at every scale
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    errors = []
    for _ in range(60):
        decoded = net.decode_with_flow(net.encode(portrait), net.motion(driver))
        loss = sum((flow - wanted).square().mean() for flow in decoded.flows)
        assert isinstance(loss, torch.Tensor)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(loss.item())
    assert [flow.shape[-1] for flow in decoded.flows] == [8, 16, 32]
    assert all(mask.min() > 0 and mask.max() < 1 for mask in decoded.masks)
    assert errors[-1] < 0.05 * errors[0]


@torch.no_grad()
def test_directions_are_orthonormal_and_motion_adds(net):
    basis, code = net.basis(), torch.zeros(1, SMALL.style)
    assert torch.allclose(basis.T @ basis, torch.eye(SMALL.motion), atol=1e-5)
    one, two, three = torch.randn(3, 1, SMALL.motion)
    moved = net.style(code, relative_motion(one, two, three))
    assert torch.allclose(moved, net.style(code, one) - net.style(code, two) + net.style(code, three), atol=1e-5)


@torch.no_grad()
def test_squashed_codes_stay_inside():
    net = LatentWarp(METHODS["ifmdm"])
    for weight in net.motion_head.parameters():
        weight.mul_(10)
    assert net.motion(pictures(4)).abs().max() <= 1


def test_the_motion_encoder_of_infp_is_its_own():
    net = LatentWarp(METHODS["infp"])
    net.motion(pictures(1)).sum().backward()
    assert all(weight.grad is None for weight in net.encoder.parameters())


def test_a_hybrid_picture_shows_only_what_it_keeps():
    keep = torch.zeros(1, 1, 32, 32)
    keep[..., 10:14, 8:24] = 1
    outline = torch.zeros(1, 1, 32, 32)
    outline[..., 4, 4] = 1
    one, two = pictures(1), pictures(1, 2)
    two[..., 10:14, 8:24] = one[..., 10:14, 8:24]
    hybrid = hybrid_picture(one, keep, outline)
    assert torch.equal(hybrid, hybrid_picture(two, keep, outline))
    assert torch.equal(hybrid[..., 10:14, 8:24], one[..., 10:14, 8:24])
    assert hybrid[0, 0, 4, 4] == 1
    assert hybrid[0, 0, 0, 0] == -1


@pytest.mark.parametrize("wrong", [{"size": 48}, {"size": 4}, {"motion": 600}, {"motion": 0}, {"width": 0.0}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError, match=r"power of two|directions|width"):
        LatentWarpParams(**wrong)


def test_width_scales_the_weights():
    full, quarter = (sum(p.numel() for p in LatentWarp(replace(SMALL, size=256, style=512, width=width)).parameters())
                     for width in (1.0, 0.25))  # fmt: skip
    assert quarter < full / 8


@pytest.fixture(scope="module")
def official():
    """The smallest LIA there can be, under official names: 8 × 8 pixels."""
    shapes = {
        "enc.net_app.convs.0.0.weight": (512, 3, 1, 1),
        "enc.net_app.convs.0.1.bias": (1, 512, 1, 1),
        "enc.net_app.convs.1.conv1.0.weight": (512, 512, 3, 3),
        "enc.net_app.convs.1.conv1.1.bias": (1, 512, 1, 1),
        "enc.net_app.convs.1.conv2.1.weight": (512, 512, 3, 3),
        "enc.net_app.convs.1.conv2.2.bias": (1, 512, 1, 1),
        "enc.net_app.convs.1.skip.1.weight": (512, 512, 1, 1),
        "enc.net_app.convs.2.weight": (16, 512, 4, 4),
        **{f"enc.fc.{i}.{kind}": (16, 16)[: 2 - (kind == "bias")] for i in range(4) for kind in ("weight", "bias")},
        "enc.fc.4.weight": (4, 16),
        "enc.fc.4.bias": (4,),
        "dec.direction.weight": (16, 4),
        "dec.input.input": (1, 512, 4, 4),
        "dec.to_rgbs.0.bias": (1, 3, 1, 1),
        "dec.to_rgbs.0.conv.0.weight": (3, 512, 1, 1),
        "dec.to_rgbs.0.conv.1.bias": (1, 3, 1, 1),
        "dec.to_flows.0.bias": (1, 3, 1, 1),
        "dec.to_flows.0.conv.weight": (1, 3, 512, 1, 1),
        "dec.to_flows.0.conv.modulation.weight": (512, 16),
        "dec.to_flows.0.conv.modulation.bias": (512,),
    }
    for conv in ("conv1", "convs.0", "convs.1"):
        shapes |= {
            f"dec.{conv}.conv.weight": (1, 512, 512, 3, 3),
            f"dec.{conv}.conv.modulation.weight": (512, 16),
            f"dec.{conv}.conv.modulation.bias": (512,),
            f"dec.{conv}.activate.bias": (1, 512, 1, 1),
            f"dec.{conv}.noise.weight": (1,),
        }
    return {key: torch.ones(shape) for key, shape in shapes.items()}


def test_the_whole_checkpoint_is_taken(official):
    net = load_official(official, "a checkpoint")
    assert (net.params.size, net.params.style, net.params.motion) == (8, 16, 4)
    assert all(torch.equal(weight, torch.ones_like(weight)) for weight in net.parameters())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda c: c.pop("enc.fc.2.bias"), "nothing for motion_head.2.bias"),
        (lambda c: c.pop("dec.direction.weight"), "no motion directions"),
        (lambda c: c.update({"enc.fc.9.weight": torch.ones(3)}), "enc.fc.9.weight is unexpected"),
        (lambda c: c.update({"enc.fc.0.bias": torch.ones(17)}), r"shape \(17,\)"),
        (lambda c: c.update({"enc.fc.0.weight": torch.full((16, 16), np.nan)}), "not finite"),
        (lambda c: c.update({"enc.x.kernel": torch.ones(4, 4)}), "not the constant"),
        (lambda c: c.update({f"dec.to_flows.{i}.bias": torch.ones(3) for i in range(12)}), "power of two"),
    ],
)
def test_any_other_checkpoint_is_refused(official, change, complaint):
    changed = dict(official)
    change(changed)
    with pytest.raises(AssetError, match=complaint) as caught:
        load_official(changed, "a checkpoint")
    assert caught.value.code == "bad_checkpoint"
    assert caught.value.hint
