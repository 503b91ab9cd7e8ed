"""IF-MDM's last correction of the picture, trained alone when all else is done.

It holds a tenth of the weights and does nearly all of the arithmetic: 512 channels at the full size. Hence the care.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..kept import kept
from ..winograd import convolve, transform

WIDTH = 512
BAND = 1 << 15  # pixels that are corrected at a time


class Refine(nn.Module):
    """Plain convolutions whose result is added to the picture (b, 3, h, w), h and w multiples of 4."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        ends = [3, width, width, width, 3]
        self.convs = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in pairwise(ends))

    def forward(self, picture: Tensor) -> Tensor:
        if torch.is_grad_enabled() or picture.device.type != "cpu":
            return picture + self.correction(picture)
        return picture + self.banded(picture)

    def correction(self, x: Tensor) -> Tensor:
        for conv in self.convs[:-1]:
            x = conv(x).relu_()
        return self.convs[-1](x)

    def banded(self, picture: Tensor) -> Tensor:
        """The correction, one band after the other: each sees as many rows beyond as it has layers, and drops them."""
        first, *inner, last = self.convs
        height, margin = picture.shape[2], len(self.convs)
        kernels = [
            (kept(conv, "winograd", conv.weight, partial(transform, conv.weight)), conv.bias)
            for conv in inner
            if isinstance(conv, nn.Conv2d)
        ]
        rows = max(4, BAND // picture.shape[3] // 4 * 4)
        bands = []
        for top in range(0, height, rows):
            start = max(0, top - margin)
            x = first(picture[:, :, start : top + rows + margin]).relu_()
            for kernel, bias in kernels:
                assert bias is not None
                x = convolve(x, kernel, bias).relu_()
            bands.append(last(x)[:, :, top - start :][:, :, :rows])
        return torch.cat(bands, 2)
