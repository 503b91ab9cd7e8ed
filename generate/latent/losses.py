"""Losses of the latent-warp auto-encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALES = 4  # pictures of the pyramid, each half the one before
FINEST = 4  # scales of flow that are taught


def pyramid(made: Tensor, wanted: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean difference of colours and edges over a pyramid: what stands in for a perceptual network where there is none.

    Args:
        made, wanted: (b, 3, h, w).
        weight: (b, 1, h, w), mean about 1; counts more where it matters.
    """
    total = made.new_zeros(())
    for scale in range(SCALES):
        if scale:
            made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
            weight = None if weight is None else F.avg_pool2d(weight, 2)
        gap = made - wanted
        across, down = gap.diff(dim=3).abs(), gap.diff(dim=2).abs()
        if weight is not None:
            gap, across, down = gap * weight, across * weight[..., 1:], down * weight[..., 1:, :]
        total = total + gap.abs().mean() + across.mean() + down.mean()
    return total / SCALES


def flow(flows: Sequence[Tensor], source: Tensor, driving: Tensor, weight: Tensor | None = None) -> Tensor:
    """How far the flow misses landmarks: at each driving landmark it must point to where the portrait has it.

    Tracked landmarks of two pictures of one face are samples of the true flow between them, for recorded clips as for
    rendered ones.

    Args:
        flows: of `Decoded`, (b, 2, r, r).
        source, driving: landmarks (b, n, 2) in [-1, 1], x before y.
        weight: (n,), how much each landmark counts; None: alike.

    Returns:
        Weighted mean distance in units of which the picture's side has 2, over the finest scales.
    """
    wanted = (source - driving).transpose(1, 2)[..., None]  # b 2 n 1
    inside = (driving.abs() < 1).all(-1)[:, None, :, None].to(source.dtype)
    if weight is not None:
        inside = inside * weight[:, None]
    misses = []
    for field in flows[-FINEST:]:
        found = F.grid_sample(field, driving[:, :, None], align_corners=False, padding_mode="border")
        misses.append(((found - wanted).abs() * inside).sum() / inside.sum().clamp_min(1) / 2)
    return torch.stack(misses).mean()


def fooled(logits: Tensor) -> Tensor:
    """Non-saturating loss of a generator (Goodfellow et al. 2014)."""
    return F.softplus(-logits).mean()


def judged(recorded: Tensor, made: Tensor) -> Tensor:
    """Logistic loss of a discriminator."""
    return F.softplus(-recorded).mean() + F.softplus(made).mean()


def r1(discriminator: nn.Module, recorded: Tensor) -> Tensor:
    """Gradient penalty on recorded pictures (Mescheder et al. 2018)."""
    recorded = recorded.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(discriminator(recorded).sum(), recorded, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean() / 2
