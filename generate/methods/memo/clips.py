"""Video of any length: clips at fixed positions, each drawn after the last frames of the one before.

Zheng et al. 2024 (arXiv 2412.04448), section 3.4. What is carried from clip to clip is those frames and the memory,
whose sizes do not grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ...nets.ldm import flow
from ...nets.ldm.vae import VAE
from ...nets.windows import WindowParams, cut
from .model import Conditions, DiffusionNet, Memory, rows, split
from .params import NULL
from .reference import ReferenceNet

LENGTH, PAST = 16, 16  # frames of a clip, and those before it that are looked at
IMAGE, AUDIO, EMOTION = 1, 2, 3  # how many conditions are told when this one comes on


@dataclass(frozen=True)
class Networks:
    """What draws."""

    vae: VAE
    reference: ReferenceNet
    diffusion: DiffusionNet


@dataclass(frozen=True)
class Sampling:
    """How to draw.

    Attributes:
        guidance: scales over face, sound and emotion.
        steps: of Euler.
        precision: of what can be reckoned in it (autocast).
    """

    guidance: tuple[float, float, float] = (3.5, 3.5, 3.5)
    steps: int = 20
    precision: torch.dtype = torch.float32


@torch.inference_mode()
def draw(
    nets: Networks,
    portrait: Tensor,
    face: Tensor,
    sound: Iterable[Tensor],
    noise: Callable[[int], Tensor],
    sampling: Sampling,
    emotion: Callable[[int], int] = lambda clip: NULL,
    known: Callable[[int], flow.Known | None] = lambda clip: None,
) -> Iterator[Tensor]:
    """Clips of pictures (n, 3, H, W) in [-1, 1], n = 16 but for the last one.

    Args:
        portrait: latent (1, c, h, w).
        face: tokens (2, k, context), of nobody and of this face.
        sound: blocks of any size of tokens (n, k, audio).
        noise: index of a clip → (c, 16, h, w).
        emotion: index of a clip, whose sound has been taken → its label.
        known: index of a clip → what of its latents (1, c, 16, h, w) is not to be drawn.
    """
    past, memory = portrait.expand(PAST, -1, -1, -1), None
    for start, _, heard in cut(sound, WindowParams(LENGTH, 0)):
        clip = start // LENGTH
        filled = torch.cat([heard, heard[-1:].expand(LENGTH - len(heard), -1, -1)])  # f k audio
        label = emotion(clip)
        image, audio, feeling = sampling.guidance
        weights = flow.scaled((image, audio, audio if label == NULL else feeling))
        told = replace(conditions(face, filled, label, list(weights)), portrait=portrait)
        with torch.autocast(portrait.device.type, sampling.precision, enabled=sampling.precision != torch.float32):
            velocity, memory = _denoiser(nets, torch.cat([portrait, past]), face, told, memory)
            guided = flow.guided(velocity, list(weights.values()))
            latents = flow.sample(guided, noise(clip)[None].to(portrait), sampling.steps, known=known(clip)).float()
        frames = latents[0].transpose(0, 1)[: len(heard), None]  # n 1 c h w: one by one, as much memory as one needs
        pictures = torch.cat([nets.vae.decode(frame) for frame in frames])
        yield pictures
        past = torch.cat([past, *(nets.vae.encode(picture[None]) for picture in pictures[-PAST:])])[-PAST:]


def conditions(face: Tensor, audio: Tensor, label: int, passes: list[int]) -> Conditions:
    """What the passes of guidance are told: rows of face (2, …), audio (f, k, d) and label."""
    seen = [int(told >= IMAGE) for told in passes]
    heard = torch.stack([audio if told >= AUDIO else torch.zeros_like(audio) for told in passes])
    labels = torch.tensor([label if told >= EMOTION else NULL for told in passes], device=face.device)
    return Conditions(face[seen], heard, labels, alone=seen.count(0))


def _denoiser(
    nets: Networks, seen: Tensor, face: Tensor, told: Conditions, memory: Memory | None
) -> tuple[flow.Velocity, Memory]:
    """The velocity of one clip, and the memory that it uses and the next clip begins with."""
    bank = nets.reference(seen.repeat(2, 1, 1, 1), face.repeat_interleave(len(seen), 0))
    reference, past = split(bank, 2)
    memory = nets.diffusion.remember(past, memory)
    held = rows(memory, [0] * told.alone + [1] * (len(told.face) - told.alone))
    return partial(nets.diffusion, given=told, reference=nets.diffusion.look(reference), memory=held), memory
