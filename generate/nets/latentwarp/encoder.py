"""Encoders of the latent-warp family: picture → code and feature maps, code → motion code."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..stylekit import DownBlock, EqualConv, EqualLinear
from ..widths import stages
from .params import LatentWarpParams

MOTION_LAYERS = 5


class Encoder(nn.Module):
    """Residual stages from the full size to 4 × 4, then one vector (LIA, section 3.1).

    With `hal` the vector is the softmax-weighted mean of all stages, each averaged over its map and lifted to `style`
    (AniTalker, section 3.2).
    """

    def __init__(self, params: LatentWarpParams) -> None:
        super().__init__()
        channels = [outputs for _, outputs in stages(params.size, params.width)]
        self.stages = nn.ModuleList([EqualConv(3, channels[0], 1), *map(DownBlock, channels, channels[1:])])
        self.head = EqualConv(channels[-1], params.style, 4, pad=0, bias=False, activation=False)
        self.mix = None
        if params.hal:
            self.mix = nn.Parameter(torch.zeros(len(channels) + 1))
            lifted = {str(i): width for i, width in enumerate(channels) if width != params.style}
            self.lift = nn.ModuleDict({i: EqualLinear(width, params.style) for i, width in lifted.items()})

    def forward(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(b, 3, size, size) → code (b, style) and maps, (b, c, 8, 8) first, (b, c, size, size) last."""
        maps = [picture]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        code = self.head(maps[-1]).flatten(1)
        if self.mix is not None:
            pooled = [stage.mean((2, 3)) for stage in maps[1:]]
            pooled = [self.lift[str(i)](x) if str(i) in self.lift else x for i, x in enumerate(pooled)]
            code = torch.einsum("i,ibs->bs", self.mix.softmax(0), torch.stack([*pooled, code]))
        return code, maps[-2:0:-1]


class Heads(nn.Module):
    """AniTalker's split of a code (section 3.3) into who it is and the rest, from which motion is read.

    `density` models the rest given the identity, for the upper bound of their mutual information.
    """

    def __init__(self, style: int) -> None:
        super().__init__()
        self.identity, self.density, self.motion = (
            nn.Sequential(nn.Linear(style, style), nn.ReLU(), nn.Linear(style, style)) for _ in range(3)
        )

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(b, style) → identity, its density, the rest, each (b, style)."""
        identity = self.identity(code)
        return identity, self.density(identity), self.motion(code)


class MotionHead(nn.Sequential):
    """Code (b, style) → motion code (b, motion); with `tanh` it is squashed and its last layer has no bias (IF-MDM)."""

    def __init__(self, params: LatentWarpParams) -> None:
        lengths = [params.style] * MOTION_LAYERS + [params.motion]
        squashed = MOTION_LAYERS - 1 if params.tanh else None
        layers = [EqualLinear(*lengths[i : i + 2], bias=i != squashed) for i in range(MOTION_LAYERS)]
        super().__init__(*layers, *([nn.Tanh()] if params.tanh else []))
