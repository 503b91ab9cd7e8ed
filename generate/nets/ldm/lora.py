"""Low-rank adaptation: Hu et al., "LoRA", ICLR 2022 (arXiv 2106.09685), on the attention of a network of diffusers."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """W + B A of a linear layer's W (out, in); B begins at zero."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


def adapt(net: nn.Module, rank: int) -> list[nn.Parameter]:
    """Give every attention of a network low-rank changes, and return their parameters: all that is to be trained."""
    net.requires_grad_(False)
    found: list[nn.Parameter] = []
    for attention in [module for module in net.modules() if isinstance(module, Attention)]:
        parts: Any = attention
        for layer in (parts.to_q, parts.to_k, parts.to_v, parts.to_out[0]):
            change = LowRank(layer, rank)
            parametrize.register_parametrization(layer, "weight", change)
            found += change.parameters()
    return found


def merged(net: nn.Module) -> dict[str, Tensor]:
    """The state of an adapted network with its changes put into its weights, under the names it had before."""
    state = {name: value for name, value in net.state_dict().items() if ".parametrizations." not in name}
    for name, module in net.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            layer: Any = module
            state[f"{name}.weight"] = layer.weight.detach()
    return state
