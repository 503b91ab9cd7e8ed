"""Conformer encoder: attention with relative positions, a convolution in time, and two half-step feed-forward layers.

Gulati et al., "Conformer", Interspeech 2020 (arXiv 2005.08100); relative positions of Dai et al., "Transformer-XL",
ACL 2019, section 3.3, as ESPnet arranges them: layer norm after each residual sum, one more at a block's end, the input
scaled by √width, positions from +(n - 1) to -(n - 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class ConformerParams:
    """Sizes of a `Conformer`.

    Attributes:
        width: channels of every block, its feed-forward layers included.
        depth: blocks.
        heads: attention heads.
        kernel: frames that the convolution sees, odd.
        dropout: everywhere, in training.
    """

    width: int = 512
    depth: int = 4
    heads: int = 2
    kernel: int = 13
    dropout: float = 0.2


def relative_positions(count: int, width: int, device: torch.device | None = None) -> Tensor:
    """Sinusoids of the distances count - 1 … -(count - 1), float32 (2·count - 1, width): sine and cosine by turns."""
    distance = torch.arange(count - 1, -count, -1, dtype=torch.float32, device=device)
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32, device=device) * (-math.log(10000.0) / width))
    angle = distance[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


class RelativeAttention(nn.Module):
    """Self-attention whose scores add a term of the distance between two frames (Transformer-XL, eq. 5)."""

    def __init__(self, params: ConformerParams) -> None:
        super().__init__()
        width, self.heads, self.dropout = params.width, params.heads, params.dropout
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.position = nn.Linear(width, width, bias=False)
        self.content_bias = nn.Parameter(torch.empty(params.heads, width // params.heads))  # u of the paper
        self.position_bias = nn.Parameter(torch.empty(params.heads, width // params.heads))  # v of the paper
        nn.init.xavier_uniform_(self.content_bias)
        nn.init.xavier_uniform_(self.position_bias)

    def distances(self, positions: Tensor) -> Tensor:
        """Positions (2n - 1, width) as `forward` wants them, (heads, k, 2n - 1): they do not depend on its input."""
        return self._split(self.position(positions)).transpose(-1, -2)

    def forward(self, x: Tensor, distances: Tensor) -> Tensor:
        """x (b, n, width), distances (heads, k, 2n - 1) → (b, n, width)."""
        count = x.shape[1]
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))  # b h n k
        scores = (query + self.position_bias[:, None]) @ distances  # b h n 2n-1
        # entry (i, j) is that of distance i - j, which lies n - 1 - i + j from the left of row i
        scores = scores.flatten(-2)[..., count - 1 :].unfold(-1, count, max(2 * count - 2, 1))  # b h n n
        mixed = F.scaled_dot_product_attention(
            query + self.content_bias[:, None],
            key,
            value,
            attn_mask=scores / math.sqrt(query.shape[-1]),
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-2, -3)


class TimeConvolution(nn.Module):
    """Gated pointwise, depthwise and pointwise convolution over (b, n, width)."""

    def __init__(self, params: ConformerParams) -> None:
        super().__init__()
        width, kernel = params.width, params.kernel
        self.gate = nn.Linear(width, 2 * width)
        self.time = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.BatchNorm1d(width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.time(F.glu(self.gate(x)).transpose(1, 2)))  # b width n
        return self.out(F.silu(x).transpose(1, 2))


class ConformerBlock(nn.Module):
    """Half a feed-forward step, attention, convolution, half a step; each added to its input and normalised."""

    def __init__(self, params: ConformerParams) -> None:
        super().__init__()
        self.first, self.last = (_feed_forward(params) for _ in range(2))
        self.attention = RelativeAttention(params)
        self.convolution = TimeConvolution(params)
        self.first_norm, self.attention_norm, self.convolution_norm, self.last_norm, self.norm = (
            nn.LayerNorm(params.width, eps=1e-12) for _ in range(5)
        )
        self.dropout = nn.Dropout(params.dropout)

    def forward(self, x: Tensor, distances: Tensor) -> Tensor:
        """x (b, n, width), distances (heads, k, 2n - 1) → (b, n, width)."""
        x = self.first_norm(x + 0.5 * self.dropout(self.first(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, distances)))
        x = self.convolution_norm(x + self.dropout(self.convolution(x)))
        x = self.last_norm(x + 0.5 * self.dropout(self.last(x)))
        return self.norm(x)


class Conformer(nn.Module):
    """A stack of `ConformerBlock`."""

    def __init__(self, params: ConformerParams) -> None:
        super().__init__()
        self.width, self.scale = params.width, math.sqrt(params.width)
        self.blocks = nn.ModuleList(ConformerBlock(params) for _ in range(params.depth))
        self.dropout = nn.Dropout(params.dropout)

    def distances(self, like: Tensor) -> list[Tensor]:
        """What every block makes of the positions of frames like (b, n, …): of use to whoever calls often."""
        positions = self.dropout(relative_positions(like.shape[1], self.width, like.device).to(like.dtype))
        return [cast("ConformerBlock", block).attention.distances(positions) for block in self.blocks]

    def forward(self, x: Tensor, distances: list[Tensor] | None = None) -> Tensor:
        """(b, n, width) → (b, n, width); `distances` are those of n frames, if known."""
        x = self.dropout(x * self.scale)
        for block, places in zip(self.blocks, distances or self.distances(x), strict=True):
            x = block(x, places)
        return x


def _feed_forward(params: ConformerParams) -> nn.Sequential:
    width = params.width
    return nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Dropout(params.dropout), nn.Linear(width, width))
