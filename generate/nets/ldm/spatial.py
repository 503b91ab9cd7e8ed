"""Attention within a picture, which may look at a reference beside it.

The modules are a `Transformer2DModel` of diffusers (norm, projection, one block, projection). Reference attention:
Hu et al., "Animate Anyone", CVPR 2024 (arXiv 2311.17117), section 3.2: keys and values come from the picture's own
tokens and from those of the reference, as they stand before its self-attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def tokens(transformer: Any, x: Tensor) -> Tensor:
    """Features (n, c, h, w) → normed and projected, (n, h·w, c)."""
    return transformer.proj_in(transformer.norm(x)).flatten(2).transpose(1, 2)


def features(transformer: Any, x: Tensor, like: Tensor) -> Tensor:
    """Tokens (n, h·w, c) → projected, (n, c, h, w), added to the features `like`."""
    return transformer.proj_out(x.transpose(1, 2).unflatten(2, like.shape[-2:])) + like


@dataclass(frozen=True)
class Beside:
    """Keys and values (r, heads, m, c / heads) of a reference, which do not change while a clip is drawn."""

    keys: Tensor
    values: Tensor

    def frames(self, count: int) -> Beside:
        """Each row for `count` frames of its own, where clips of a batch look at different pictures."""
        return Beside(self.keys.repeat_interleave(count, 0), self.values.repeat_interleave(count, 0))


def beside(transformer: Any, seen: Tensor) -> Beside:
    """What `attend` needs of a reference: what another picture's call returned as its second value, (r, m, c)."""
    attention = transformer.transformer_blocks[0].attn1
    return Beside(_heads(attention, attention.to_k(seen)), _heads(attention, attention.to_v(seen)))


def attend(
    transformer: Any, x: Tensor, context: Tensor, reference: Beside | None = None, alone: int = 0
) -> tuple[Tensor, Tensor]:
    """Self-attention, attention to `context`, feed-forward.

    Args:
        x: (n, c, h, w).
        context: tokens (n, k, d).
        reference: r pictures; row i of `x` looks at row i mod r.
        alone: the first rows of `x` that do not look at the reference.

    Returns:
        (n, c, h, w), and what its self-attention looked at, (n, h·w, c).
    """
    (block,) = transformer.transformer_blocks
    hidden = tokens(transformer, x)
    seen = block.norm1(hidden)
    hidden = hidden + (block.attn1(seen) if reference is None else _beside(block.attn1, seen, reference, alone))
    hidden = hidden + block.attn2(block.norm2(hidden), context)
    hidden = hidden + block.ff(block.norm3(hidden))
    return features(transformer, hidden, x), seen


def _beside(attention: Any, x: Tensor, reference: Beside, alone: int) -> Tensor:
    """Attention of x (n, m, c) to itself and a reference."""
    query, key, value = (_heads(attention, part(x)) for part in (attention.to_q, attention.to_k, attention.to_v))
    rows = torch.arange(alone, len(x), device=x.device) % len(reference.keys)
    keys = torch.cat([key[alone:], reference.keys[rows]], 2)
    values = torch.cat([value[alone:], reference.values[rows]], 2)
    found = F.scaled_dot_product_attention(query[alone:], keys, values)
    if alone:
        own = F.scaled_dot_product_attention(query[:alone], key[:alone], value[:alone])
        found = torch.cat([own, found])
    return attention.to_out[0](found.transpose(1, 2).flatten(2))


def _heads(attention: Any, x: Tensor) -> Tensor:
    return x.unflatten(-1, (attention.heads, -1)).transpose(1, 2)  # n heads m c/heads
