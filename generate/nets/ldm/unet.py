"""The U-Net of Stable Diffusion 1.5, built by diffusers and walked layer by layer.

Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR 2022 (arXiv 2112.10752). The parts
are those of diffusers' `UNet2DConditionModel` under its names; the walk is ours, so that a method can put its own
modules after every residual block and read what passes there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

Layer = Callable[[str, Tensor], Tensor]


@dataclass(frozen=True)
class UNetParams:
    """Sizes of a `UNet`; the defaults are Stable Diffusion's.

    Attributes:
        widths: channels of each level; the last one has no attention.
        depth: layers of a level on the way down; one more on the way up.
        heads: attention heads everywhere.
        context: channels of the tokens it attends to.
        channels: of the latents, in and out.
    """

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    depth: int = 2
    heads: int = 8
    context: int = 768
    channels: int = 4


class UNet(nn.Module):
    """Time embedding, levels down, middle, levels up, and the output's norm and convolution.

    A layer is a residual block and what follows it. Its name is `down{level}_{index}`, `mid0_0` or `up{level}_{index}`.
    """

    bare: ClassVar[bool] = True  # it makes no tensors beside those of its state

    def __init__(self, params: UNetParams) -> None:
        super().__init__()
        plain = len(params.widths) - 1
        net: Any = UNet2DConditionModel(
            in_channels=params.channels,
            out_channels=params.channels,
            block_out_channels=params.widths,
            layers_per_block=params.depth,
            attention_head_dim=params.heads,  # what diffusers calls so is the number of heads
            cross_attention_dim=params.context,
            down_block_types=("CrossAttnDownBlock2D",) * plain + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * plain,
        )
        self.time_proj, self.time_embedding, self.conv_in = net.time_proj, net.time_embedding, net.conv_in
        self.down_blocks, self.mid_block, self.up_blocks = net.down_blocks, net.mid_block, net.up_blocks
        self.conv_norm_out, self.conv_out = net.conv_norm_out, net.conv_out

    def blocks(self) -> Iterator[tuple[str, Any]]:
        """Every block and its name: `down0` …, `mid0`, `up0` …, in the order of the walk."""
        for way, levels in (("down", self.down_blocks), ("mid", [self.mid_block]), ("up", self.up_blocks)):
            yield from ((f"{way}{level}", block) for level, block in enumerate(levels))

    def parts(self, kind: str) -> dict[str, Any]:
        """Layer name → its member of the block's list `kind`, for blocks that have one, in the order of the walk."""
        return {
            f"{name}_{index}": part
            for name, block in self.blocks()
            for index, part in enumerate(getattr(block, kind, None) or ())
        }

    def walk(self, x: Tensor, t: Tensor, layer: Layer) -> Tensor:
        """Latents (n, c, h, w) at times t (n,) → features (n, widths[0], h, w), before the output's norm.

        `layer(name, x)` gets what each residual block gave and returns what goes on.
        """
        time = self.time_embedding(self.time_proj(t).to(x.dtype))  # n 4·widths[0]
        x = self.conv_in(x)
        skips = [x]
        for name, block in self.blocks():
            for index, resnet in enumerate(block.resnets):
                if name.startswith("up"):
                    x = torch.cat([x, skips.pop()], 1)
                x = resnet(x, time)
                if name != "mid0" or index == 0:  # the middle ends with a residual block
                    x = layer(f"{name}_{index}", x)
                if name.startswith("down"):
                    skips.append(x)
            for downsampler in getattr(block, "downsamplers", None) or ():
                x = downsampler(x)
                skips.append(x)
            for upsampler in getattr(block, "upsamplers", None) or ():
                x = upsampler(x, skips[-1].shape[-2:])  # sides need not be powers of two
        return x

    def out(self, x: Tensor) -> Tensor:
        """Features of `walk` → (n, channels, h, w)."""
        return self.conv_out(nn.functional.silu(self.conv_norm_out(x)))
