"""Video of any length: clips at fixed positions, each drawn after the last frames of the one before.

Zheng et al. 2024 (arXiv 2412.04448), section 3.4. What is carried from clip to clip is those frames and the memory,
whose sizes do not grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...nets.ldm import flow
from ...nets.ldm.vae import VAE
from ...nets.windows import WindowParams, cut
from .model import Conditions, DiffusionNet, Memory, split
from .params import NULL
from .reference import ReferenceNet

LENGTH, PAST = 16, 16  # frames of a clip, and those before it that are looked at


@dataclass(frozen=True)
class Networks:
    """What draws."""

    vae: VAE
    reference: ReferenceNet
    diffusion: DiffusionNet


@dataclass(frozen=True)
class Sampling:
    """How to draw: label of the emotion, guidance scale, Euler steps."""

    emotion: int = NULL
    guidance: float = 3.5
    steps: int = 20


@torch.inference_mode()
def draw(
    nets: Networks,
    portrait: Tensor,
    face: Tensor,
    sound: Iterable[Tensor],
    noise: Callable[[int], Tensor],
    sampling: Sampling,
) -> Iterator[Tensor]:
    """Clips of pictures (n, 3, H, W) in [-1, 1], n = 16 but for the last one.

    Args:
        portrait: latent (1, c, h, w).
        face: tokens (2, k, context), of nobody and of this face.
        sound: blocks of any size of tokens (n, k, audio).
        noise: index of a clip → (c, 16, h, w).
    """
    past, memory = portrait.expand(PAST, -1, -1, -1), None
    labels = torch.tensor([NULL, sampling.emotion], device=portrait.device)
    for start, _, heard in cut(sound, WindowParams(LENGTH, 0)):
        filled = torch.cat([heard, heard[-1:].expand(LENGTH - len(heard), -1, -1)])  # f k audio
        told = Conditions(face, torch.stack([torch.zeros_like(filled), filled]), labels, alone=1)
        velocity, memory = _denoiser(nets, torch.cat([portrait, past]), told, memory)
        latents = flow.sample(
            flow.guided(velocity, sampling.guidance), noise(start // LENGTH)[None].to(portrait), sampling.steps
        )
        frames = latents[0].transpose(0, 1)[: len(heard), None]  # n 1 c h w: one by one, as much memory as one needs
        pictures = torch.cat([nets.vae.decode(frame) for frame in frames])
        yield pictures
        past = torch.cat([past, *(nets.vae.encode(picture[None]) for picture in pictures[-PAST:])])[-PAST:]


def _denoiser(nets: Networks, seen: Tensor, told: Conditions, memory: Memory | None) -> tuple[flow.Velocity, Memory]:
    """The velocity of one clip, and the memory that it uses and the next clip begins with."""
    bank = nets.reference(seen.repeat(2, 1, 1, 1), told.face.repeat_interleave(len(seen), 0))
    reference, past = split(bank, 2)
    memory = nets.diffusion.remember(past, memory)
    return partial(nets.diffusion, given=told, reference=reference, memory=memory), memory
