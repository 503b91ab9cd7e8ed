"""IF-MDM, second stage: motion codes from sound by a diffusion transformer that is told how much to move.

Yang et al., "IF-MDM: Implicit Face Motion Diffusion Model for High-Fidelity Realtime Talking Head Generation", 2024
(arXiv 2412.04000), section 3.2. Sixty-four frames are drawn at once; each is modulated by its own sound, and three
tokens more hold the code of the frame before, and the mean and deviation of the motion, which set the resting pose
and the amplitude.

    paper                           here
    motion code, noisy m_t          x (b, n, motion)
    speech feature a                features (b, n, substeps, 1, channels)
    previous motion                 hint (b, 1, motion)
    motion statistics μ, σ          mean, deviation (b, 1, motion)
    diffusion step t                t (b,)
    noise estimate and variance     forward(…) (b, n, 2·motion)
    guidance scale                  Controls.guidance
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ....core.errors import UsageError
from ...nets.audio import front_end
from ...nets.dit import DiT, TimeEmbedding, embedder, sinusoids
from ...nets.guidance import drop, guided
from ...nets.windows import MotionModel, Start, Window
from .params import MotionParams

CONDITIONS = ("modulated", "mixed", "hint", "mean", "deviation")  # that training drops, each by itself


@dataclass(frozen=True)
class Controls:
    """What a caller may set.

    Attributes:
        amplitude: how much the face and head move, as a factor on the deviation of the training data.
        mean: resting motion code (motion,); the portrait's own if None.
        deviation: deviation (motion,) in place of the training data's.
        guidance: how strongly the sound is followed; 1 for no more than learned.
        steps: diffusion steps of sampling.
    """

    amplitude: float = 1.0
    mean: Tensor | None = None
    deviation: Tensor | None = None
    guidance: float = 2.0
    steps: int = 50


class IFMDMMotion(MotionModel):
    """The model of `params`.

    The buffer `deviation` (motion,) is that of a clip in training, at unit size; zeros where nobody knows it, which is
    how a missing condition looks.
    """

    name = "ifmdm"
    statistics = (*MotionModel.statistics, "deviation")
    deviation: Tensor
    positions: Tensor

    def __init__(self, params: MotionParams | None = None) -> None:
        params = params or MotionParams()
        super().__init__(params.motion, params.window, params.diffusion)
        self.params = params
        width, motion, audio = params.transformer.width, params.motion, params.audio
        self.front = front_end(audio)
        self.motion = embedder(motion, width)
        self.sound = embedder(audio.width, width)
        self.mixed_motion = embedder(motion, width // 2)
        self.mixed_sound = embedder(audio.width, width // 2 // audio.substeps)
        self.mix = embedder(width // 2 + width // 2 // audio.substeps * audio.substeps, width)
        self.hint, self.mean, self.spread = (embedder(motion, width) for _ in range(3))
        self.time = TimeEmbedding(width)
        self.transformer = DiT(params.transformer, (1 + params.diffusion.learned_variance) * motion)
        self.register_buffer("deviation", torch.zeros(motion))
        self.register_buffer("positions", self.tokens(params), persistent=False)

    @staticmethod
    def tokens(params: MotionParams) -> Tensor:
        """Positions (n + 3, width) of the tokens: frames, hint, mean, deviation."""
        return sinusoids(torch.arange(params.window.length + 3).double(), params.transformer.width)

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        *,
        sound: Tensor,
        hint: Tensor,
        mean: Tensor,
        deviation: Tensor,
        modulated: Tensor | None = None,
        mixed: Tensor | None = None,
    ) -> Tensor:
        """Noise, and the share of the variance, in x (b, n, motion) at steps t (b,).

        Args:
            sound: (b, n, substeps, channels).
            hint, mean, deviation: (b, 1, motion).
            modulated, mixed: ones (b,), or zeros where the sound that modulates a token, or the mixture of sound and
                motion that is added to it, is missing.
        """
        both = torch.cat([self.mixed_motion(x), self.mixed_sound(sound).flatten(2)], -1)  # b n width
        heard = sound if modulated is None else sound * modulated[:, None, None, None]
        tokens = self.motion(x) + self.mix(both if mixed is None else both * mixed[:, None, None])
        tokens = torch.cat([tokens, self.hint(hint), self.mean(mean), self.spread(deviation)], 1)  # b n+3 width
        frames = self.sound(heard).mean(2) + self.time(t)[:, None]  # b n width
        condition = torch.cat([frames, frames.new_zeros(len(x), 3, frames.shape[-1])], 1)
        return self.transformer(tokens + self.positions, condition)[:, : x.shape[1]]

    def draw(self, window: Window, start: Start, noise: Tensor, controls: Controls | None) -> Tensor:
        controls = controls or Controls()
        length, new = self.window.length, window.features[window.seen :]
        new = torch.cat([new, new[-1:].expand(length - len(new), *new.shape[1:])])
        noise = torch.cat([noise[window.seen :], noise.new_zeros(length - window.count, self.dimension)])
        mean = start.code if controls.mean is None else self.unit(controls.mean)
        conditions = {
            "sound": self.front(new[None])[:, :, :, 0],
            "hint": window.past[None, -1:],
            "mean": mean[None, None],
            "deviation": self._deviation(controls)[None, None],
        }
        denoise = guided(self, conditions, {"sound": controls.guidance}, self.dimension)
        return self.diffusion.sample(denoise, noise[None], controls.steps)[0, : window.count]

    def _deviation(self, controls: Controls) -> Tensor:
        if controls.deviation is not None:
            return controls.amplitude * controls.deviation / self.code_scale
        if controls.amplitude != 1 and not self.deviation.any():
            raise UsageError(
                "unknown_statistics",
                "these weights of IF-MDM do not say how much their training data moved",
                "Leave the amplitude at 1, or give a deviation.",
            )
        return controls.amplitude * self.deviation

    def loss(
        self, codes: Tensor, features: Tensor, t: Tensor, noise: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Terms of training: the hybrid loss, with each of the five conditions dropped by itself.

        Args:
            codes: motion codes (b, 1 + n, motion) of real clips; the first is the hint.
            features: sound (b, n, substeps, 1, channels) of the others.
            t: diffusion steps (b,).
            noise: (b, n, motion).
            generator: draws what is dropped; on the CPU.
        """
        codes, ones = self.unit(codes), codes.new_ones(len(codes))
        conditions: Mapping[str, Tensor] = {
            "modulated": ones,
            "mixed": ones,
            "hint": codes[:, :1],
            "mean": codes.mean(1, keepdim=True),
            "deviation": codes.std(1, keepdim=True),
        }
        kept = drop(conditions, dict.fromkeys(CONDITIONS, self.params.dropped), generator)
        sound = self.front(features)[:, :, :, 0]
        return {"noise": self.diffusion.loss(lambda x, at: self(x, at, sound=sound, **kept), codes[:, 1:], t, noise)}
