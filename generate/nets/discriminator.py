"""The residual discriminator of StyleGAN2 (Karras et al. 2020), which IF-MDM and LIA train against."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .fir import KERNEL
from .renaming import Table
from .stylekit import DownBlock, EqualConv, EqualLinear
from .widths import stages

OFFICIAL = Table(
    substitutions=(
        (r"^convs\.0\.\d\.", r"stem."),
        (r"^convs\.(\d+)\.(conv[12]|skip)\.\d\.", lambda match: f"blocks.{int(match[1]) - 1}.{match[2]}."),
        (r"^final_conv\.\d\.", r"last."),
        (r"^final_linear\.0\.", r"hidden."),
        (r"^final_linear\.1\.", r"logit."),
    ),
    constants=((r"\.kernel$", KERNEL),),
)


class Discriminator(nn.Module):
    """Pictures (b, 3, size, size) in [-1, 1] → logits (b, 1), high for recorded ones.

    Args:
        size: side of the picture, a power of two from 8.
        width: factor on the number of channels.
        group: samples whose spread is measured together; the batch is a multiple of it or smaller.
    """

    def __init__(self, size: int = 256, *, width: float = 1.0, group: int = 4) -> None:
        super().__init__()
        channels = [outputs for _, outputs in stages(size, width)]  # from the full size to 4 × 4
        self.group = group
        self.stem = EqualConv(3, channels[0], 1)
        self.blocks = nn.ModuleList(map(DownBlock, channels, channels[1:]))
        self.last = EqualConv(channels[-1] + 1, channels[-1], 3)
        self.hidden = EqualLinear(channels[-1] * 16, channels[-1], activation=True)
        self.logit = EqualLinear(channels[-1], 1)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.stem(picture)
        for block in self.blocks:
            x = block(x)
        x = self.last(torch.cat([x, spread(x, self.group)], 1))
        return self.logit(self.hidden(x.flatten(1)))


def spread(x: Tensor, group: int) -> Tensor:
    """Mean deviation within groups of samples, as a map (b, 1, h, w) (Karras et al. 2018, section 3)."""
    batch, _, height, width = x.shape
    group = min(batch, group)
    deviation = torch.sqrt(x.reshape(group, batch // group, -1).var(0, correction=0) + 1e-8)
    return deviation.mean(1).repeat(group).view(batch, 1, 1, 1).expand(batch, 1, height, width)
