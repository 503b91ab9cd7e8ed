"""Attention within a picture, which may look at a reference beside it.

The modules are a `Transformer2DModel` of diffusers (norm, projection, one block, projection). Reference attention:
Hu et al., "Animate Anyone", CVPR 2024 (arXiv 2311.17117), section 3.2: keys and values come from the picture's own
tokens and from those of the reference, as they stand before its self-attention.
"""

from __future__ import annotations

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


def attend(
    transformer: Any, x: Tensor, context: Tensor, reference: Tensor | None = None, alone: int = 0
) -> tuple[Tensor, Tensor]:
    """Self-attention, attention to `context`, feed-forward.

    Args:
        x: (n, c, h, w).
        context: tokens (n, k, d).
        reference: what another picture's call returned as its second value, (r, h·w, c); row i of `x` looks at row
            i mod r.
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


def _beside(attention: Any, x: Tensor, reference: Tensor, alone: int) -> Tensor:
    """Attention of x (n, m, c) to itself and a reference (r, m, c), whose keys and values are computed once."""

    def heads(part: Tensor) -> Tensor:
        return part.unflatten(-1, (attention.heads, -1)).transpose(1, 2)  # n heads m c/heads

    query, key, value = heads(attention.to_q(x)), heads(attention.to_k(x)), heads(attention.to_v(x))
    rows = torch.arange(alone, len(x), device=x.device) % len(reference)
    keys = torch.cat([key[alone:], heads(attention.to_k(reference))[rows]], 2)
    values = torch.cat([value[alone:], heads(attention.to_v(reference))[rows]], 2)
    found = F.scaled_dot_product_attention(query[alone:], keys, values)
    if alone:
        own = F.scaled_dot_product_attention(query[:alone], key[:alone], value[:alone])
        found = torch.cat([own, found])
    return attention.to_out[0](found.transpose(1, 2).flatten(2))
