"""Denoising diffusion over motion codes: the noise schedule, sampling, and what training minimises.

Ho et al., DDPM, NeurIPS 2020 (arXiv 2006.11239); Song et al., DDIM, ICLR 2021 (2010.02502); Nichol & Dhariwal,
"Improved DDPM", ICML 2021 (2102.09672): respacing and learned variance. The steps themselves are those of diffusers.

A denoiser is called as `denoise(x (b, n, d), t (b,), **conditions)` and answers with noise (b, n, d), with learned
variance (b, n, 2d).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...core.errors import UsageError

if TYPE_CHECKING:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

Denoiser = Callable[..., Tensor]


@dataclass(frozen=True)
class DiffusionParams:
    """A linear noise schedule.

    Attributes:
        steps: diffusion steps T of training.
        first, last: β of the first and the last step.
        clip: bound of |x₀| at every step of sampling; 0 for none.
        learned_variance: the denoiser tells the variance too.
    """

    steps: int = 1000
    first: float = 1e-4
    last: float = 0.02
    clip: float = 1.0
    learned_variance: bool = False


class Diffusion:
    """The schedule of `params`; index -1 of `signal` (ᾱ) is before the first step."""

    def __init__(self, params: DiffusionParams | None = None) -> None:
        self.params = params or DiffusionParams()
        beta = torch.linspace(self.params.first, self.params.last, self.params.steps, dtype=torch.float64)
        self.signal = (1 - beta).cumprod(0)  # ᾱ, (T,)

    def add_noise(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t of x₀ (b, n, d) at steps t (b,): √ᾱ x₀ + √(1 - ᾱ) ε (DDPM, eq. 4)."""
        signal = self.signal.to(x.device)[t].to(x.dtype)[:, None, None]
        return signal.sqrt() * x + (1 - signal).sqrt() * noise

    def timesteps(self, steps: int) -> list[int]:
        """The steps of training that `steps` steps of sampling visit, rising: 0, k, 2k … for the smallest stride k.

        Raises:
            UsageError: `bad_steps` if no stride gives that many.
        """
        stride = -(-self.params.steps // steps) if steps > 0 else 0
        visited = list(range(0, self.params.steps, stride)) if stride else []
        if not visited or len(visited) != steps:
            hint = f"Give a number that divides {self.params.steps}, such as 10, 25 or 50."
            raise UsageError("bad_steps", f"{steps} steps of sampling do not fit {self.params.steps}", hint)
        return visited

    def scheduler(self, steps: int) -> tuple[DDIMScheduler, list[int]]:
        """The steps of `diffusers`, on a schedule of the visited steps alone, and those steps."""
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        visited, clip = self.timesteps(steps), self.params.clip
        signal = self.signal[visited]
        beta = 1 - signal / torch.cat([signal.new_ones(1), signal[:-1]])
        scheduler = DDIMScheduler(
            num_train_timesteps=steps, trained_betas=beta.tolist(), clip_sample=clip > 0, clip_sample_range=clip or 1.0
        )
        scheduler.set_timesteps(steps)
        return scheduler, visited

    @torch.inference_mode()
    def sample(
        self, denoise: Denoiser, noise: Tensor, steps: int, known: Tensor | None = None, each: Callable | None = None
    ) -> Tensor:
        """Codes x₀ (b, n, d) from `noise` (b, n, d) by DDIM with η = 0: nothing is drawn on the way.

        x₀ is clipped at every step and ε follows from the clipped x₀.

        Args:
            known: the first codes (b, k, d) as they must come out; at every step they take the place of what is there,
                with their share of the noise (Lugmayr et al., RePaint, CVPR 2022, eq. 8).
            each: called with (x₀, x_t) after every step.
        """
        scheduler, visited = self.scheduler(steps)
        x, dimension = noise, noise.shape[-1]
        for index in reversed(range(steps)):
            t = torch.full((len(x),), visited[index], device=x.device)
            if known is not None:
                held = self.add_noise(known, noise[:, : known.shape[1]], t)
                x = torch.cat([held, x[:, known.shape[1] :]], 1)
            found = denoise(x, t)[..., :dimension]
            x, start = scheduler.step(found, index, x, use_clipped_model_output=self.params.clip > 0, return_dict=False)
            if each:
                each(start, x)
        return x if known is None else torch.cat([known, x[:, known.shape[1] :]], 1)

    def loss(self, denoise: Denoiser, x: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Mean of |ε - ε̂|² over x₀ (b, n, d) at steps t (b,); with learned variance, the hybrid loss.

        Improved DDPM, eq. 16: L_simple + L_vlb, where L_vlb (bits per dimension) reaches the variance alone.
        """
        noisy, dimension = self.add_noise(x, noise, t), x.shape[-1]
        found = denoise(noisy, t)
        simple = (found[..., :dimension] - noise).square().mean()
        if not self.params.learned_variance:
            return simple
        return simple + self._bound(x, noisy, t, found[..., :dimension].detach(), found[..., dimension:])

    def _bound(self, x: Tensor, noisy: Tensor, t: Tensor, noise: Tensor, share: Tensor) -> Tensor:
        """KL of the true posterior from the predicted one; at t = 0 the likelihood of x₀ under it."""
        signal = self.signal.to(x.device)
        before = torch.cat([signal.new_ones(1), signal[:-1]])
        beta = 1 - signal / before
        posterior = beta * (1 - before) / (1 - signal)
        posterior[0] = posterior[1]  # zero, whose logarithm has no bound

        def at(values: Tensor) -> Tensor:
            return values[t].to(x.dtype)[:, None, None]

        def mean(start: Tensor) -> Tensor:  # DDPM, eq. 7
            first, second = beta * before.sqrt() / (1 - signal), (1 - before) * (1 - beta).sqrt() / (1 - signal)
            return at(first) * start + at(second) * noisy

        part = (share + 1) / 2
        log_variance = part * at(beta.log()) + (1 - part) * at(posterior.log())  # Improved DDPM, eq. 15
        guess = (noisy - at((1 - signal).sqrt()) * noise) / at(signal.sqrt())
        true_log = at(posterior.log())
        gap = (mean(x) - mean(guess)).square() * (-log_variance).exp()
        divergence = 0.5 * (log_variance - true_log - 1 + (true_log - log_variance).exp() + gap)
        surprise = 0.5 * (math.log(2 * math.pi) + log_variance + (x - mean(guess)).square() * (-log_variance).exp())
        return torch.where(t[:, None, None] == 0, surprise, divergence).mean() / math.log(2)
