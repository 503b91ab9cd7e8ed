"""The synthesis half (LIA, section 3.2): a style draws flow and mask at every scale, warped maps give the colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..fir import upsample
from ..modulated import ModulatedConv
from ..stylekit import EqualConv
from ..widths import stages
from .params import LatentWarpParams
from .refine import Refine
from .warp import sample


@dataclass(frozen=True)
class Canvas:
    """A picture in the making, at one scale r.

    Attributes:
        logits: (b, 3, r, r), flow and mask before tanh and sigmoid, summed over scales.
        flow, mask: (b, 2, r, r) and (b, 1, r, r), after them.
        drawn: maps (b, c, r, r) made from the style alone.
        warped: the portrait's maps (b, c, r, r), moved and masked.
        picture: (b, 3, r, r), read from `warped`.
    """

    logits: Tensor
    flow: Tensor
    mask: Tensor
    drawn: Tensor
    warped: Tensor
    picture: Tensor


class Colours(nn.Module):
    """Maps → RGB, added to the enlarged picture of the scale before."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = EqualConv(channels, 3, 1)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, before: Tensor | None) -> Tensor:
        colours = self.conv(x) + self.bias[:, None, None]
        return colours if before is None else colours + upsample(before)


class Scale(nn.Module):
    """One doubling: two styled convolutions, flow and mask from them, the portrait's maps warped, colours read."""

    def __init__(self, inputs: int, outputs: int, params: LatentWarpParams) -> None:
        super().__init__()
        style = params.style
        self.endpoint_grid = params.endpoint_grid
        self.up = ModulatedConv(inputs, outputs, 3, style, up=True)
        self.conv = ModulatedConv(outputs, outputs, 3, style)
        self.flow = ModulatedConv(outputs, 3, 1, style, demodulate=False, activation=False)
        self.fill = None
        if params.fill:
            self.fill = ModulatedConv(outputs, outputs, 1, style, demodulate=False, bias=False, activation=False)
        self.colours = Colours(outputs)

    def forward(self, x: Tensor, before: Canvas | None, style: Tensor, maps: Tensor) -> Canvas:
        x = self.conv(self.up(x, style), style)
        logits = self.flow(x, style)
        if before is not None:
            logits = logits + upsample(before.logits)
        flow, mask = torch.tanh(logits[:, :2]), torch.sigmoid(logits[:, 2:])
        warped = sample(maps, flow, mask, endpoint_grid=self.endpoint_grid)
        return Canvas(logits, flow, mask, x, warped, self.colours(warped, before and before.picture))

    def blend(self, canvas: Canvas, style: Tensor) -> Tensor:
        """The warped maps, and drawn ones where the mask hides them: (b, c, r, r), from which the next scale grows."""
        drawn = canvas.drawn if self.fill is None else self.fill(canvas.drawn, style)
        return torch.addcmul(canvas.warped, drawn, 1 - canvas.mask)


class Decoder(nn.Module):
    """Style (b, style) and the portrait's maps → one canvas for each scale, from 8 × 8 to the full size."""

    def __init__(self, params: LatentWarpParams) -> None:
        super().__init__()
        sides = stages(params.size, params.width)[::-1]
        widths = [channels for _, channels in sides]
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.start = ModulatedConv(widths[0], widths[0], 3, params.style)
        self.scales = nn.ModuleList(Scale(*pair, params) for pair in pairwise(widths))
        self.refine = Refine() if params.refine else None

    def forward(self, style: Tensor, maps: list[Tensor]) -> Iterator[Canvas]:
        x = self.start(self.constant.expand(len(style), -1, -1, -1), style)
        canvas, last = None, len(maps) - 1
        for i, (scale, source) in enumerate(zip(self.scales, maps, strict=True)):
            assert isinstance(scale, Scale)
            canvas = scale(x, canvas, style, source)
            if i < last:
                yield canvas
                x = scale.blend(canvas, style)
            else:
                yield canvas if self.refine is None else replace(canvas, picture=self.refine(canvas.picture))
