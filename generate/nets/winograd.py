"""3 × 3 convolutions with a quarter of the multiplications (Winograd 1980; Lavin and Gray 2016, F(4 × 4, 3 × 3)).

A tile of 4 × 4 results needs 6 × 6 pixels. Both, and the kernel, are seen through polynomials that take the values of a
product at six points, so 36 products do the work of 144. The three changes of view are small matrices, here Kronecker
products that act on whole tiles: the convolution is four matrix products, which a CPU does at its full speed.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PIXELS = torch.tensor(  # B transposed: pixels of a tile → values at the points 0, 1, -1, 2, -2, ∞
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float32,
)
TAPS = torch.tensor(  # G: taps of the kernel → values
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float32
).div(24)
RESULTS = torch.tensor(  # A transposed: values of the product → results
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float32
)
PIXELS, TAPS, RESULTS = (torch.kron(view, view) for view in (PIXELS, TAPS, RESULTS))  # (36, 36), (36, 9), (16, 36)
STRIP = 256  # tiles at a time: what they need stays in the cache
CHANNELS, PIXELS_WORTH = 128, 256  # below which plain convolutions are as fast


def transform(weight: Tensor) -> Tensor:
    """A kernel (o, i, 3, 3) for `convolve`: (36, i, o)."""
    outputs, inputs = weight.shape[:2]
    return (TAPS.to(weight) @ weight.permute(2, 3, 1, 0).reshape(9, -1)).view(36, inputs, outputs)


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether `convolve` may stand in for the plain convolution of x (b, i, h, w), and is faster."""
    height, width = x.shape[2:]
    return (
        weight.shape[2:] == (3, 3)
        and not torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and min(weight.shape[:2]) >= CHANNELS
        and height % 4 == width % 4 == 0
        and height * width >= PIXELS_WORTH
    )


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """`F.conv2d(x, weight, bias, padding=1)`, without gradients.

    In float32 results are within about 5e-5 of their spread, where the
    plain sum is within 1e-5.

    Args:
        x: (b, i, h, w), both sides multiples of 4.
        kernel: what `transform` made of the weight.
        bias: (o,), or none.

    Returns:
        (b, o, h, w), channels last.
    """
    batch, _, height, width = x.shape
    _, inputs, outputs = kernel.shape
    pixels, results = PIXELS.to(x), RESULTS.to(x)
    x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # (b, h + 2, w + 2, i)
    found = x.new_empty(batch, height, width, outputs)
    rows = 4 * max(1, 4 * STRIP // width)  # of pixels
    for sample, result in zip(x, found, strict=True):
        for top in range(0, height, rows):
            windows = sample[top : top + rows + 2].unfold(0, 6, 4).unfold(1, 6, 4)  # (r, c, i, 6, 6)
            tiles = pixels @ windows.permute(3, 4, 0, 1, 2).reshape(36, -1)
            values = torch.bmm(tiles.view(36, -1, inputs), kernel)  # (36, r c, o)
            drawn = (results @ values.view(36, -1)).view(4, 4, -1, width // 4, outputs)
            result[top : top + rows].view(-1, 4, width // 4, 4, outputs).copy_(drawn.permute(2, 0, 3, 1, 4))
    return (found if bias is None else found.add_(bias)).permute(0, 3, 1, 2)
