"""MEMO's memory: linear attention over time whose past fits into a state of constant size.

Zheng et al. 2024 (arXiv 2412.04448), section 3.2, equations 3 to 7; linear attention after Katharopoulos et al.,
"Transformers are RNNs", ICML 2020 (2006.16236), and Shen et al., "Efficient Attention", WACV 2021 (1812.01243).

    paper                    here
    φ(q), φ(k)               `queries`: softmax over channels, over √d; `keys`: softmax over frames
    Σ γ^… φ(k)ᵀ v            Trace.values (…, d, d)
    Σ γ^… φ(k)               Trace.keys (…, 1, d)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from .params import TemporalParams

SMALLEST = 1e-10  # of the denominator


@dataclass(frozen=True)
class Trace:
    """What one attention remembers of every pixel: values (n, heads, d, d) and keys (n, heads, 1, d)."""

    values: Tensor
    keys: Tensor


Traces = tuple[Trace, ...]  # of a temporal module's attentions, in their order


def positions(frames: int, width: int, like: Tensor) -> Tensor:
    """Sinusoids (frames, width), sines at even channels and cosines at odd ones."""
    rate = torch.exp(torch.arange(0, width, 2, device=like.device).float() * (-math.log(10000.0) / width))
    angle = torch.arange(frames, device=like.device).float()[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1).to(like.dtype)


class MemoryAttention(nn.Module):
    """Linear self-attention of the frames (n, f, width) of every pixel, and to what is remembered of it."""

    def __init__(self, width: int, params: TemporalParams) -> None:
        super().__init__()
        self.params = params
        self.attention: Any = Attention(width, heads=params.heads, dim_head=width // params.heads)

    def forward(self, x: Tensor, trace: Trace | None) -> Tensor:
        attention, decay = self.attention, self.params.decay
        if self.params.positions:
            x = x + positions(x.shape[1], x.shape[2], x)
        query = self._heads(attention.to_q(x))
        query = query.softmax(-1) * query.shape[-1] ** -0.5
        key, value = self._seen(x)
        values, keys = key.transpose(-1, -2) @ value, key.sum(-2, keepdim=True)
        if trace is not None:
            values, keys = values + decay * trace.values, keys + decay * trace.keys
        found = query @ values / (query @ keys.transpose(-1, -2)).clamp_min(SMALLEST)
        return attention.to_out[0](found.transpose(1, 2).flatten(2))

    def remember(self, past: Tensor, trace: Trace | None) -> Trace:
        """The trace after the frames `past` (n, p, width); both k and v of a frame fade, hence the squares."""
        count, decay = past.shape[1], self.params.decay
        key, value = self._seen(past)
        faded = decay ** torch.arange(count - 1, -1, -1, device=past.device, dtype=past.dtype)[:, None]
        values, keys = (key * faded).transpose(-1, -2) @ (value * faded), (key * faded).sum(-2, keepdim=True)
        if trace is not None:
            values, keys = values + decay**count * trace.values, keys + decay**count * trace.keys
        return Trace(values, keys)

    def _seen(self, x: Tensor) -> tuple[Tensor, Tensor]:
        key = self._heads(self.attention.to_k(x)).softmax(-2)  # over frames
        return key, self._heads(self.attention.to_v(x))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.params.heads, -1)).transpose(1, 2)  # n heads f d


class TemporalBlock(nn.Module):
    """Attentions over time, then a gated feed-forward layer, each after a norm and added to its input."""

    def __init__(self, width: int, params: TemporalParams) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(MemoryAttention(width, params) for _ in range(params.attentions))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(params.attentions))
        self.ff = FeedForward(width, activation_fn="geglu")
        self.ff_norm = nn.LayerNorm(width)

    def parts(self) -> Iterator[tuple[Any, Any]]:
        """Each attention and the norm before it."""
        return zip(self.attentions, self.norms, strict=True)

    def forward(self, x: Tensor, traces: Traces | None) -> Tensor:
        for index, (attention, norm) in enumerate(self.parts()):
            x = x + attention(norm(x), traces[index] if traces else None)
        return x + self.ff(self.ff_norm(x))


class TemporalModule(nn.Module):
    """Pixels of a feature map through time; it begins as the identity."""

    def __init__(self, channels: int, params: TemporalParams) -> None:
        super().__init__()
        width = channels // params.narrowing
        self.params = params
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, width)
        self.blocks: Any = nn.ModuleList(TemporalBlock(width, params) for _ in range(params.blocks))
        self.proj_out = nn.Linear(width, channels)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor, frames: int, traces: Traces | None) -> Tensor:
        """Features (b·f, c, h, w) of f = `frames` → the same shape."""
        hidden = self._pixels(x, frames)
        for number, block in enumerate(self.blocks):
            held = traces[number * self.params.attentions :] if traces else None
            hidden = block(hidden, held)
        hidden = self.proj_out(hidden).unflatten(0, (len(x) // frames, -1))  # b h·w f c
        return x + hidden.permute(0, 2, 3, 1).reshape(x.shape)

    def remember(self, past: Tensor, traces: Traces | None) -> Traces:
        """Traces after the frames `past` (b, p, h·w, c): they have no place in time, and no block changes them."""
        frames = past.shape[1]
        seen = self._pixels(past.flatten(0, 1).transpose(1, 2), frames)
        parts = [part for block in self.blocks for part in block.parts()]
        return tuple(
            attention.remember(norm(seen), traces[index] if traces else None)
            for index, (attention, norm) in enumerate(parts)
        )

    def _pixels(self, x: Tensor, frames: int) -> Tensor:
        x = self.norm(x).flatten(2).unflatten(0, (-1, frames))  # b f c h·w
        return self.proj_in(x.permute(0, 3, 1, 2).flatten(0, 1))  # b·h·w f width
