"""Rectified flow over latents: straight paths from noise to data, walked by Euler's method.

Liu et al., "Flow Straight and Fast", ICLR 2023 (arXiv 2209.03003); Esser et al. 2024 (2403.03206) for the times that
training draws. The steps are those of diffusers. A latent at noise share s is x_s = s ε + (1 - s) x₀, its velocity
ε - x₀, and networks are told the time 1000 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]  # (x (b, …), t (b,)) → (b, …)


@dataclass(frozen=True)
class Known:
    """What is not to be drawn: latents (b, …), and where they hold, 1, to where they are drawn anew, 0 (…)."""

    latents: Tensor
    where: Tensor


@torch.inference_mode()
def sample(
    velocity: Velocity,
    noise: Tensor,
    steps: int,
    each: Callable[[Tensor], None] | None = None,
    known: Known | None = None,
) -> Tensor:
    """Latents x₀ from `noise` (b, …) in `steps` steps.

    Args:
        each: is called with x after every step.
        known: put in at every step, as noisy as the rest (Lugmayr et al., "RePaint", CVPR 2022, arXiv 2201.09865).
    """
    scheduler: Any = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(steps, device=str(noise.device))
    x = noise
    for t, share in zip(scheduler.timesteps, scheduler.sigmas[1:], strict=True):
        found = velocity(x, t.expand(len(x)).to(x))
        x = scheduler.step(found, t, x, return_dict=False)[0]
        if known:
            x = torch.lerp(x, torch.lerp(known.latents, noise, share.to(x)), known.where)
        if each:
            each(x)
    return x


def mixed(latents: Tensor, noise: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """x_s = s ε + (1 - s) x₀ of latents (b, …) at shares s (b,), and the times that networks are told of."""
    s = share.view(-1, *[1] * (latents.ndim - 1))
    return s * noise + (1 - s) * latents, 1000 * share


def misses(velocity: Tensor, latents: Tensor, noise: Tensor, share: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Squared error of x₀ as `velocity`, found at `mixed`, says it: the mean of each sample (b,).

    Args:
        weight: how much each place counts, of a shape that fits.
    """
    s = share.view(-1, *[1] * (latents.ndim - 1))
    return ((s * (velocity - (noise - latents))).square() * weight).flatten(1).mean(1)


def guided(velocity: Velocity, weights: Sequence[float]) -> Velocity:
    """Classifier-free guidance: `velocity` gets every batch once for each weight, told more from one to the next.

    Ho & Salimans 2022 (arXiv 2207.12598): of scale g over what is told and what is not, the weights are 1 - g and g.
    Several conditions with scales of their own: see `scaled`.
    """

    def guide(x: Tensor, t: Tensor) -> Tensor:
        found = velocity(torch.cat([x] * len(weights)), torch.cat([t] * len(weights))).chunk(len(weights))
        return torch.stack([weight * each for weight, each in zip(weights, found, strict=True)]).sum(0)

    return guide


def scaled(scales: Sequence[float]) -> dict[int, float]:
    """How many of the conditions, which come on one after another, are told → weight of that pass, where it has one.

    v = v₀ + Σ gᵢ (vᵢ - vᵢ₋₁) (Brooks et al., "InstructPix2Pix", CVPR 2023, arXiv 2211.09800), gathered by passes; equal
    scales leave the first and the last.
    """
    ends = pairwise([1.0, *scales, 0.0])
    return {told: before - after for told, (before, after) in enumerate(ends) if before != after}
