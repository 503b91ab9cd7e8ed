"""Winograd's convolutions and the refine block that uses them equal the plain ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from facewright.generate.nets.latentwarp import refine
from facewright.generate.nets.winograd import convolve, transform


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 5, 8, 36), (1, 8, 60, 20)])
@torch.no_grad()
def test_it_is_a_convolution(shape):
    torch.manual_seed(0)
    x, bias = torch.randn(shape), torch.randn(7)
    weight = torch.randn(7, shape[1], 3, 3) / (9 * shape[1]) ** 0.5
    wanted = F.conv2d(x.double(), weight.double(), bias.double(), padding=1).float()
    assert torch.allclose(convolve(x, transform(weight), bias), wanted, atol=5e-5)


@pytest.mark.parametrize("band", [16 * 8, 16 * 16, 16 * 64])
@torch.no_grad()
def test_bands_leave_no_seam(band, monkeypatch):
    monkeypatch.setattr(refine, "BAND", band)
    torch.manual_seed(0)
    block = refine.Refine(16)
    picture = torch.rand(2, 3, 32, 16) * 2 - 1
    assert torch.allclose(block(picture), picture + block.correction(picture), atol=1e-4)


def test_it_learns():
    block = refine.Refine(16)
    block(torch.rand(1, 3, 8, 8)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in block.parameters())
