"""The 1-3-3-1 low-pass filter of StyleGAN2 (Karras et al. 2020), for maps that change their size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
KERNEL = torch.outer(TAPS, TAPS)  # (4, 4), sums to one


def blur(x: Tensor, pad: int, *, gain: float = 1.0, stride: int = 1, bias: Tensor | None = None) -> Tensor:
    """Filter every channel by itself.

    Args:
        x: (b, c, h, w).
        pad: zeros on each side; without a stride the result is `2 pad - 3` longer than `x`.
        gain: what the filter sums to.
        stride: keep every `stride`-th pixel.
        bias: (c,), added to the result.
    """
    channels = x.shape[1]
    kernel = (KERNEL * gain).to(x).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, bias, stride, pad, groups=channels)


def upsample(x: Tensor) -> Tensor:
    """(b, c, h, w) → (b, c, 2 h, 2 w): zeros between the pixels, then the filter; beyond the border is zero."""
    channels = x.shape[1]
    kernel = (KERNEL * 4).to(x).expand(channels, 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)
