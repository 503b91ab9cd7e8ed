"""What is kept of weights follows them: a changed weight never meets what was made of the former one."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from facewright.generate.nets.kept import kept
from facewright.generate.nets.modulated import ModulatedConv
from facewright.generate.nets.stylekit import EqualConv
from torch import nn


def changed_in_place(layer: nn.Linear) -> None:
    layer.weight.mul_(2)


def changed_by_data(layer: nn.Linear) -> None:
    layer.weight.data = layer.weight.data * 2


def changed_by_loading(layer: nn.Linear) -> None:
    layer.load_state_dict({"weight": layer.weight * 2}, assign=True)


@torch.no_grad()
@pytest.mark.parametrize("change", [changed_in_place, changed_by_data, changed_by_loading])
def test_it_is_made_once_and_again_when_the_weight_changes(change):
    layer, made = nn.Linear(3, 3, bias=False), []

    def make():
        made.append(layer.weight.sum())
        return made[-1]

    assert kept(layer, "sum", layer.weight, make) is kept(layer, "sum", layer.weight, make)
    before = made[-1].clone()
    change(layer)
    torch.testing.assert_close(kept(layer, "sum", layer.weight, make), 2 * before)
    assert len(made) == 2
    assert set(layer.state_dict()) == {"weight"}


def test_gradients_pass_through_what_is_made():
    layer = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        kept(layer, "square", layer.weight, lambda: layer.weight.square())
    kept(layer, "square", layer.weight, lambda: layer.weight.square()).sum().backward()
    torch.testing.assert_close(layer.weight.grad, 2 * layer.weight.detach())


@pytest.mark.parametrize("kind", [EqualConv, ModulatedConv])
def test_wide_layers_give_the_same_without_gradients(kind):
    """Without gradients such layers take Winograd's way, with them the plain one; training between them is noticed."""
    torch.manual_seed(0)
    layer = kind(128, 128, 3, **({"style": 16} if kind is ModulatedConv else {}))
    given = (torch.randn(2, 128, 16, 16), *([torch.randn(2, 16)] if kind is ModulatedConv else []))
    for _ in range(2):
        plain = layer(*given)
        with torch.inference_mode():
            torch.testing.assert_close(layer(*given), plain.detach(), rtol=0, atol=2e-4)
        assert "winograd" in layer._kept
        with torch.no_grad():
            layer.weight.add_(torch.randn_like(layer.weight))
    with torch.inference_mode():
        old = copy.deepcopy(layer)
        assert F.mse_loss(old(*given), plain) > 0.01
