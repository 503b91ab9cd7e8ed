"""Rectified flow over latents: straight paths from noise to data, walked by Euler's method.

Liu et al., "Flow Straight and Fast", ICLR 2023 (arXiv 2209.03003); Esser et al. 2024 (2403.03206) for the times that
training draws. The steps are those of diffusers. A latent at noise share s is x_s = s ε + (1 - s) x₀, its velocity
ε - x₀, and networks are told the time 1000 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]  # (x (b, …), t (b,)) → (b, …)


@torch.inference_mode()
def sample(velocity: Velocity, noise: Tensor, steps: int, each: Callable[[Tensor], None] | None = None) -> Tensor:
    """Latents x₀ from `noise` (b, …) in `steps` steps; `each` is called with x after every step."""
    scheduler: Any = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(steps, device=str(noise.device))
    x = noise
    for t in scheduler.timesteps:
        found = velocity(x, t.expand(len(x)).to(x))
        x = scheduler.step(found, t, x, return_dict=False)[0]
        if each:
            each(x)
    return x


def guided(velocity: Velocity, scale: float) -> Velocity:
    """Classifier-free guidance: `velocity` gets every batch twice, first for what is told nothing.

    Ho & Salimans 2022 (arXiv 2207.12598): v = v_u + scale (v_c - v_u).
    """

    def guide(x: Tensor, t: Tensor) -> Tensor:
        free, told = velocity(torch.cat([x, x]), torch.cat([t, t])).chunk(2)
        return free + scale * (told - free)

    return guide
