"""StyleGAN2 layers from outside: filters, warps, modulation, the discriminator."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from facewright.core.errors import UsageError
from facewright.generate.nets.discriminator import Discriminator
from facewright.generate.nets.fir import blur, upsample
from facewright.generate.nets.latentwarp.warp import rest, sample
from facewright.generate.nets.modulated import ModulatedConv
from facewright.generate.nets.stylegan2 import StyleGAN2, StyleGAN2Params
from facewright.generate.nets.stylekit import DownBlock, EqualConv, EqualLinear


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_the_filter_keeps_flat_maps_and_doubling_keeps_their_level():
    flat = torch.ones(1, 2, 9, 9)
    assert torch.allclose(blur(flat, 0), torch.ones(1, 2, 6, 6))
    doubled = upsample(flat)
    assert doubled.shape == (1, 2, 18, 18)
    assert torch.allclose(doubled[..., 2:-2, 2:-2], torch.ones(1, 2, 14, 14))
    assert doubled[0, 0, 0, 0] < 1  # beyond the border is zero


@torch.no_grad()
def test_equalised_layers_keep_the_variance():
    x = torch.randn(64, 256)
    assert EqualLinear(256, 256)(x).std() == pytest.approx(1, abs=0.1)
    assert EqualLinear(256, 256, speed=0.01)(x).std() == pytest.approx(1, abs=0.1)
    maps = torch.randn(2, 64, 16, 16)
    assert EqualConv(64, 64, 3, activation=False)(maps)[..., 1:-1, 1:-1].std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("side", [4, 24])  # the style scales the maps of the small one, the kernel of the large one
def test_a_style_scales_the_kernel(side, up):
    conv = ModulatedConv(8, 12, 3, 5, up=up)
    torch.nn.init.normal_(conv.bias)
    x, style = torch.randn(3, 8, side, side), torch.randn(3, 5)
    together = conv(x, style)
    for i in range(3):
        kernel = conv.weight * conv.style(style[i])[:, None, None]
        kernel = kernel / kernel.square().sum((1, 2, 3), keepdim=True).sqrt()
        one = x[i : i + 1]
        if up:
            y = blur(F.conv_transpose2d(one, kernel.transpose(0, 1), stride=2), 1, gain=4)
        else:
            y = F.conv2d(one, kernel, padding=1)
        wanted = F.leaky_relu(y + conv.bias[:, None, None], 0.2) * 2**0.5
        assert torch.allclose(conv(one, style[i : i + 1]), wanted, atol=1e-5)
        assert torch.allclose(together[i : i + 1], wanted, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("grad", [False, True])
def test_zero_flow_is_the_identity(batch, grad):
    maps = torch.randn(batch, 6, 11, 11)
    with torch.set_grad_enabled(grad):
        moved = sample(maps, torch.zeros(2, 2, 11, 11), torch.full((2, 1, 11, 11), 0.5))
    assert torch.allclose(moved, maps.expand(2, -1, -1, -1) / 2, atol=1e-5)


@pytest.mark.parametrize("grad", [False, True])
def test_half_precision_moves_no_pixel(grad):
    maps = torch.randn(1, 2, 4, 512, dtype=torch.bfloat16)
    with torch.set_grad_enabled(grad):
        moved = sample(maps, torch.zeros(1, 2, 4, 512).bfloat16(), torch.ones(1, 1, 4, 512).bfloat16())
    assert moved.dtype == maps.dtype
    assert torch.allclose(moved.float(), maps.float(), atol=0.02)


def test_flow_moves_by_pixels():
    maps = torch.randn(1, 3, 8, 8)
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0], flow[:, 1] = 2 * 2 / 8, -2 * 1 / 8  # reads two pixels to the right and one above
    with torch.no_grad():
        moved = sample(maps, flow, torch.ones(1, 1, 8, 8))
    assert torch.allclose(moved[..., 1:, :-2], maps[..., :-1, 2:], atol=1e-5)
    assert torch.allclose(moved[..., 1:, -1], maps[..., :-1, -1], atol=1e-5)  # the border goes on


@pytest.mark.parametrize("endpoint_grid", [False, True])
def test_both_ways_of_sampling_agree(endpoint_grid):
    maps, flow, mask = torch.randn(2, 5, 16, 16), torch.randn(2, 2, 16, 16), torch.rand(2, 1, 16, 16)
    wanted = sample(maps, flow, mask, endpoint_grid=endpoint_grid)
    with torch.no_grad():
        found = sample(maps, flow, mask, endpoint_grid=endpoint_grid)
    assert torch.allclose(found, wanted, atol=1e-5)
    ends = rest(flow, endpoint_grid)[0, [0, -1], 0]
    assert torch.allclose(ends, torch.tensor([-1.0, 1.0]) * (1 if endpoint_grid else 15 / 16))


def test_the_discriminator_sees_samples_that_are_all_alike():
    net = Discriminator(16, width=1 / 64)
    varied = torch.randn(4, 3, 16, 16)
    alike = varied[:1].repeat(4, 1, 1, 1)
    assert net(varied).shape == (4, 1)
    assert not torch.allclose(net(alike)[0], net(varied)[0])
    assert torch.allclose(net(alike)[0], net(varied[:1])[0], atol=1e-5)  # one sample has no spread either
    net(varied).sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


def test_blocks_halve():
    assert DownBlock(8, 16)(torch.randn(2, 8, 12, 12)).shape == (2, 16, 6, 6)


def test_a_generator_draws_the_same_picture_twice_and_learns_everywhere():
    net = StyleGAN2(StyleGAN2Params(size=16, style=12, mapping=2, width=1 / 64))
    for gain in net.noise_gains:
        torch.nn.init.constant_(gain, 0.1)
    w = net.mapping(torch.randn(2, 12))
    picture = net(w)
    assert picture.shape == (2, 3, 16, 16)
    assert torch.equal(picture, net([w] * net.layers))
    assert torch.allclose(picture[1:], net(w[1:]), atol=1e-4)
    picture.square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


@pytest.mark.parametrize("size", [4, 24, 4096])
def test_sizes_are_powers_of_two(size):
    with pytest.raises(UsageError, match="power of two"):
        Discriminator(size)
