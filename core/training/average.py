"""The slow copy of a network that is looked at and shipped."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """Exponential moving average of a network's weights and running statistics (Polyak & Juditsky 1992).

    After step t (from 0): average ← d · average + (1 − d) · network with d = min(decay, (1 + t) / (10 + t)).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay = network, decay
        self.module = copy.deepcopy(network).requires_grad_(False).eval()

    @torch.no_grad()
    def follow(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        pairs = list(zip(self.module.state_dict().values(), self.network.state_dict().values(), strict=True))
        means, values = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
        torch._foreach_lerp_(list(means), list(values), 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for mean, value in pairs:
            if not mean.is_floating_point():
                mean.copy_(value)
