"""Diffusion transformer over motion codes whose adaptive norms are set per token.

Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023 (arXiv 2212.09748): adaLN-Zero blocks. IF-MDM
(arXiv 2412.04000) gives each frame the condition of its own sound, and adds three tokens that have none: the motion
before the window, and the mean and deviation of the motion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class DiTParams:
    """Sizes of a `DiT`.

    Attributes:
        width: channels.
        depth: blocks.
        heads: attention heads.
        expansion: inner width of the feed-forward layers over `width`.
    """

    width: int = 512
    depth: int = 6
    heads: int = 8
    expansion: int = 4


def sinusoids(positions: Tensor, width: int, *, cosine_first: bool = False) -> Tensor:
    """Float32 (n, width) of positions (n,): a half of sines and a half of cosines at rates 1 … 1/10000.

    They are computed in the precision of `positions`.
    """
    steps = torch.arange(width // 2, dtype=positions.dtype, device=positions.device)
    angle = positions[:, None] * torch.exp(-math.log(10000.0) * steps / (width // 2))
    parts = [angle.cos(), angle.sin()] if cosine_first else [angle.sin(), angle.cos()]
    return torch.cat(parts, -1).float()


class TimeEmbedding(nn.Module):
    """Diffusion steps (b,) → (b, width)."""

    def __init__(self, width: int, frequencies: int = 256) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.layers = embedder(frequencies, width)

    def forward(self, t: Tensor) -> Tensor:
        return self.layers(sinusoids(t.float(), self.frequencies, cosine_first=True))


def embedder(inputs: int, width: int) -> nn.Sequential:
    """Two layers, as every input of a DiT gets them."""
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))


class Attention(nn.Module):
    """Multi-head attention of `x` to itself, or to `memory`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """x (b, n, width), memory (b, m, width) → (b, n, width)."""
        if memory is None:
            query, key, value = self.qkv(x).chunk(3, -1)
        else:
            width = x.shape[-1]
            weight, bias = self.qkv.weight, self.qkv.bias
            query = F.linear(x, weight[:width], bias[:width])
            key, value = F.linear(memory, weight[width:], bias[width:]).chunk(2, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value)  # b h n k
        return self.out(mixed.transpose(1, 2).flatten(2))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without own parameters, then scale and shift, each (b, n or 1, width)."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class DiTBlock(nn.Module):
    """Attention and feed-forward layers with shift, scale and gate from each token's condition (adaLN-Zero)."""

    def __init__(self, params: DiTParams) -> None:
        super().__init__()
        width = params.width
        self.attention = Attention(width, params.heads)
        inner = width * params.expansion
        self.feed_forward = nn.Sequential(nn.Linear(width, inner), nn.GELU("tanh"), nn.Linear(inner, width))
        self.modulation = zero(nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (b, n, width), condition (b, n, width) after its SiLU → (b, n, width)."""
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(condition).chunk(6, -1)
        x = x + gate * self.attention(modulate(x, shift, scale))
        return x + gate2 * self.feed_forward(modulate(x, shift2, scale2))


class DiT(nn.Module):
    """Blocks and a last layer over tokens that already hold their positions."""

    def __init__(self, params: DiTParams, outputs: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(DiTBlock(params) for _ in range(params.depth))
        self.modulation = zero(nn.Linear(params.width, 2 * params.width))
        self.out = zero(nn.Linear(params.width, outputs))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (b, n, width), condition (b, n, width) → (b, n, outputs)."""
        condition = F.silu(condition)
        for block in self.blocks:
            x = block(x, condition)
        shift, scale = self.modulation(condition).chunk(2, -1)
        return self.out(modulate(x, shift, scale))


def zero(layer: nn.Linear) -> nn.Linear:
    """The layer with weights of zero, so that a block begins as the identity."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
