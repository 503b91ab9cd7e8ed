"""A small transformer over rows of measures: one log-odds for each window of moments."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class SequenceParams:
    """Sizes: measures in a row, moments in a window, width, layers, heads, share dropped in training."""

    measures: int
    window: int = 16
    width: int = 32
    layers: int = 2
    heads: int = 4
    drop: float = 0.2


class SequenceNet(nn.Module):
    """About 20,000 weights."""

    def __init__(self, params: SequenceParams) -> None:
        super().__init__()
        self.params = params
        self.embed = nn.Linear(params.measures, params.width)
        self.place = nn.Parameter(torch.randn(params.window, params.width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            params.width, params.heads, 2 * params.width, params.drop, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, params.layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(params.width), nn.Linear(params.width, 1))
        self.drop = nn.Dropout1d(params.drop)

    def forward(self, rows: Tensor) -> Tensor:
        """Standardised rows (b, window, measures) → log-odds (b,)."""
        kept = self.drop(rows.transpose(1, 2)).transpose(1, 2)  # whole measures are dropped
        return self.head(self.layers(self.embed(kept) + self.place).mean(1))[:, 0]
