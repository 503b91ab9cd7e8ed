"""IF-MDM's last correction of the picture, trained alone when all else is done."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

WIDTH = 512


class Refine(nn.Module):
    """Plain convolutions whose result is added to the picture (b, 3, h, w)."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        ends = [3, width, width, width, 3]
        self.convs = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in pairwise(ends))

    def forward(self, picture: Tensor) -> Tensor:
        x = picture
        for conv in self.convs[:-1]:
            x = conv(x).relu_()
        return picture + self.convs[-1](x)
