"""Batch-overlapped temporal denoising, as a stream.

Huang et al., "Make-Your-Anchor", CVPR 2024 (arXiv 2403.16510), section 3.3: at every step of diffusion, windows that
overlap predict the noise of their frames, and what several windows say of a frame is averaged. The paper keeps the
whole clip; here every step is a generator fed by the one before it, so that a frame moves on as soon as no later window
can see it. That gives the same latents, and holds steps × window frames, whatever the length of the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from .model import Control, UNet
from .params import SamplingParams, WindowParams


@dataclass(frozen=True)
class Frame:
    """A frame on its way through the steps.

    Attributes:
        latent: (4, h, w).
        control: picture that steers it, (3, 8h, 8w): uint8, which takes a quarter of the memory, or float in [0, 1].
        known: what else the denoiser is shown, (k, h, w): mask and masked latent of the head's stage.
    """

    latent: Tensor
    control: Tensor
    known: Tensor | None = None


@dataclass
class _Held:
    frame: Frame
    total: Tensor | float = 0.0
    windows: int = 0


def overlapped(
    frames: Iterable[Frame],
    predict: Callable[[Sequence[Frame]], Iterable[Tensor]],
    advance: Callable[[Frame, Tensor], Frame],
    window: WindowParams,
) -> Iterator[Frame]:
    """One step of diffusion over a clip of any length.

    Windows start every `length - overlap` frames; the last may be short.

    Args:
        predict: frames of a window → noise of each.
        advance: a frame and its noise, the mean over its windows → the frame one step on.
    """
    source, held = iter(frames), []
    while True:
        fresh = [_Held(frame) for frame in islice(source, window.length - len(held))]
        held += fresh
        if not held:
            return
        counts = bool(fresh) or window.tail
        if counts:
            for each, noise in zip(held, predict([each.frame for each in held]), strict=True):
                each.total, each.windows = each.total + noise, each.windows + 1
        done = held[: window.length - window.overlap] if counts else held
        yield from (advance(each.frame, each.total / each.windows) for each in done)
        held = held[len(done) :]


@dataclass(frozen=True)
class Denoiser:
    """Both networks of a stage, for one person.

    Attributes:
        unet, control: networks of the same stage.
        context: appearance tokens (2, n, d): the unconditional ones, then the person's.
        scheduler: of diffusers, its steps not yet set.
        params: how frames are drawn.
    """

    unet: UNet
    control: Control
    context: Tensor
    scheduler: DDIMScheduler
    params: SamplingParams

    def noise(self, frames: Sequence[Frame], t: Tensor | int) -> Tensor:
        """Noise (f, 4, h, w) of a window at step t, leaning on the person's appearance (classifier-free guidance)."""
        latents, controls = (
            torch.stack([getattr(frame, name) for frame in frames], 1).expand(2, -1, -1, -1, -1)
            for name in ("latent", "control")
        )  # 2 c f h w
        controls = controls if controls.is_floating_point() else controls / 255
        residuals = self.control(latents, t, self.context, controls, self.params.control)
        known = [frame.known for frame in frames if frame.known is not None]
        if known:
            latents = torch.cat([latents, torch.stack(known, 1).expand(2, -1, -1, -1, -1)], 1)
        without, given = self.unet(latents, t, self.context, residuals).transpose(1, 2)
        return without + self.params.guidance * (given - without)

    def step(self, frames: Iterable[Frame], t: Tensor | int) -> Iterator[Frame]:
        """All frames one step of DDIM (η = 0) on."""

        def advance(frame: Frame, noise: Tensor) -> Frame:
            return replace(frame, latent=self.scheduler.step(noise, int(t), frame.latent, return_dict=False)[0])

        return overlapped(frames, partial(self.noise, t=t), advance, self.params.window)

    @torch.inference_mode()
    def sample(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Frames without noise, in order, from frames whose latents are noise.

        The paper gives all frames of a clip the same noise.
        """
        self.scheduler.set_timesteps(self.params.steps)
        for t in self.scheduler.timesteps:
            frames = self.step(frames, t)
        yield from frames
