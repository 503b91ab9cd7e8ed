"""The networks of Make-Your-Anchor: a denoiser and the ControlNet that steers it by renders of a mesh.

Huang et al., "Make-Your-Anchor", CVPR 2024 (arXiv 2403.16510), sections 3.2 to 3.4; Zhang et al., "Adding Conditional
Control to Text-to-Image Diffusion Models", ICCV 2023 (2302.05543). Both networks are those of diffusers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from ...nets.ldm.frames import fold, unfold
from ...nets.ldm.inflated import inflate
from .params import ControlParams, UNetParams


@dataclass(frozen=True)
class Residuals:
    """What the ControlNet adds, frames folded into the batch.

    Attributes:
        down: one (b · f, c, h, w) for every output of the descending half.
        middle: (b · f, c, h, w).
    """

    down: list[Tensor]
    middle: Tensor


class Control(nn.Module):
    """The ControlNet: every frame by itself."""

    bare: ClassVar = True

    def __init__(self, params: ControlParams) -> None:
        super().__init__()
        self.params = params
        self.net = ControlNetModel(
            in_channels=params.inputs,
            block_out_channels=params.channels,
            cross_attention_dim=params.context,
            attention_head_dim=params.heads,
            conditioning_embedding_out_channels=params.hint,
        )
        self.clip = inflate(self.net, attention=False) if params.clips else None

    def forward(self, noisy: Tensor, t: Tensor | int, context: Tensor, control: Tensor, scale: float) -> Residuals:
        """Residuals for latents (b, 4, f, h, w) at step t, from control pictures (b, 3, f, 8h, 8w) in [0, 1].

        Args:
            context: appearance tokens (b, n, d), the same for all frames of a clip.
            scale: factor of all residuals.
        """
        if self.clip:
            self.clip.frames = noisy.shape[2]
        tokens = context.repeat_interleave(noisy.shape[2], 0)  # b·f n d
        down, middle = self.net(fold(noisy), t, tokens, fold(control), conditioning_scale=scale, return_dict=False)
        return Residuals(down, middle)


class UNet(nn.Module):
    """The denoiser; over clips, its attention sees all frames (section 3.3), its convolutions one."""

    bare: ClassVar = True

    def __init__(self, params: UNetParams) -> None:
        super().__init__()
        self.params = params
        self.net = UNet2DConditionModel(
            in_channels=params.inputs,
            out_channels=params.outputs,
            block_out_channels=params.channels,
            cross_attention_dim=params.context,
            attention_head_dim=params.heads,
        )
        self.clip = inflate(self.net, attention=True) if params.clips else None

    def forward(self, noisy: Tensor, t: Tensor | int, context: Tensor, residuals: Residuals | None = None) -> Tensor:
        """Noise (b, 4, f, h, w) of latents (b, c, f, h, w) at step t, given appearance tokens (b, n, d)."""
        frames = noisy.shape[2]
        down, middle = (tuple(residuals.down), residuals.middle) if residuals else (None, None)
        if self.clip:
            self.clip.frames = frames
        else:
            context = context.repeat_interleave(frames, 0)
        with self._middle_input(residuals):
            found = self.net(
                fold(noisy),
                t,
                context,
                down_block_additional_residuals=down,
                mid_block_additional_residual=middle,
                return_dict=False,
            )[0]
        return unfold(found, frames)

    @contextmanager
    def _middle_input(self, residuals: Residuals | None) -> Iterator[None]:
        """Over clips the official network adds residuals in place: the last one reaches the middle block too."""

        def raised(_: nn.Module, given: tuple) -> tuple | None:
            return (given[0] + residuals.down[-1], *given[1:]) if residuals and self.clip else None

        hook = self.net.mid_block.register_forward_pre_hook(raised)
        try:
            yield
        finally:
            hook.remove()
