"""INFP, second stage: motion codes of one person in a conversation, from both voices.

Zhu et al., "INFP: Audio-Driven Interactive Head Generation in Dyadic Conversations", CVPR 2025 (arXiv 2412.04037),
sections 3.2 to 3.4. Whether the face speaks or listens follows from the two voices alone.

    paper                              here
    agent's and partner's audio        features (b, n, 2, substeps, 1, channels), the agent first
    memory banks M_v, M_nv             guider.verbal.bank, guider.nonverbal.bank
    style vector s_m                   style (b, width), from the codes of any clip
    interactive motion f_m             guide (b, n, width)
    motion code m, noisy m_t           x (b, n, motion)
    previous motion                    past (b, k, motion)
    noise estimate                     denoiser(…)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....core.errors import UsageError
from ...nets.audio import front_end
from ...nets.guidance import drop, guided
from ...nets.interactive import InteractiveTransformer, MotionGuider, StyleEncoder
from ...nets.windows import MotionModel, Start, Window
from .params import MotionParams


@dataclass(frozen=True)
class Controls:
    """What a caller may set.

    Attributes:
        style: motion codes (m, motion) of a clip whose manner is taken over; None for no manner in particular.
        past_guidance: how strongly the codes before are continued.
        guidance: how strongly the voices are followed; 1 for no more than learned.
        steps: diffusion steps of sampling.
    """

    style: Tensor | None = None
    past_guidance: float = 1.0
    guidance: float = 1.5
    steps: int = 20


class INFPMotion(MotionModel):
    """The model of `params`."""

    name = "infp"

    def __init__(self, params: MotionParams | None = None) -> None:
        params = params or MotionParams()
        super().__init__(params.motion, params.window, params.diffusion)
        self.params = params
        self.front = front_end(params.audio)
        self.style = StyleEncoder(params.motion, params.transformer)
        self.guider = MotionGuider(params.audio, params.transformer)
        self.denoiser = InteractiveTransformer(params.motion, params.transformer)

    def guide(self, features: Tensor, style: Tensor) -> Tensor:
        """What both voices (b, n, 2, substeps, 1, channels) ask of the face in a style (b, width): (b, n, width).

        Raises:
            UsageError: `one_voice` if there are not two.
        """
        if features.ndim != 6 or features.shape[2] != 2:
            raise UsageError(
                "one_voice",
                f"features {tuple(features.shape)} are not those of two voices",
                "Stack the agent's and the partner's; silence will do for a partner who is not there.",
            )
        agent, partner = (self.front(voice)[:, :, :, 0] for voice in features.unbind(2))
        return self.guider(agent, partner, style)

    def draw(self, window: Window, start: Start, noise: Tensor, controls: Controls | None) -> Tensor:
        controls = controls or Controls()
        style = noise.new_zeros(1, self.params.transformer.width)
        if controls.style is not None:
            style = self.style(self.unit(controls.style)[None])
        conditions = {
            "past": window.past[None],
            "guide": self.guide(window.features[None, window.seen :], style),
        }
        scales = {"past": controls.past_guidance, "guide": controls.guidance}
        denoise = guided(self.denoiser, conditions, scales, self.dimension)
        return self.diffusion.sample(denoise, noise[None, window.seen :], controls.steps)[0]

    def loss(
        self, codes: Tensor, features: Tensor, style: Tensor, t: Tensor, noise: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Terms of training: the noise, with style, voices and past dropped by themselves (section 3.4).

        Args:
            codes: motion codes (b, context + n, motion) of real clips; the first ones are the past.
            features: both voices (b, n, 2, substeps, 1, channels); silence for the partner in the warm-up.
            style: codes (b, m, motion) of another part of the same clips.
            t: diffusion steps (b,).
            noise: (b, n, motion).
            generator: draws what is dropped; on the CPU.
        """
        codes, context, params = self.unit(codes), self.window.context, self.params
        manner = drop({"style": self.style(self.unit(style))}, {"style": params.drop_style}, generator)["style"]
        conditions = {"guide": self.guide(features, manner), "past": codes[:, :context]}
        kept = drop(conditions, {"guide": params.drop_guide, "past": params.drop_past}, generator)
        noises = self.diffusion.loss(lambda x, at: self.denoiser(x, at, **kept), codes[:, context:], t, noise)
        return {"noise": noises}
