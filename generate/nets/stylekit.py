"""Layers of StyleGAN2 (Karras et al. 2020) in plain PyTorch: equalised learning rate, residual blocks that halve.

Equalised layers keep weights of unit variance and multiply by 1 / √fan-in at run time, so that every layer learns at
the same speed (Karras et al. 2018, section 4.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import winograd
from .fir import blur
from .kept import kept

SQRT2 = math.sqrt(2)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU, in place. The gain √2 that keeps unit variance is in the layer before, where it costs nothing."""
    return F.leaky_relu_(x, 0.2)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, pad: int) -> Tensor:
    """`F.conv2d`; a 1 × 1 kernel over maps that lie channels last in memory is a matrix product, without copies."""
    if weight.shape[2:] == (1, 1) and stride == 1 and x.is_contiguous(memory_format=torch.channels_last):
        return F.linear(x.permute(0, 2, 3, 1), weight[:, :, 0, 0], bias).permute(0, 3, 1, 2)
    return F.conv2d(x, weight, bias, stride, pad)


class EqualConv(nn.Module):
    """A convolution with equalised learning rate, an activation after it if asked.

    Args:
        inputs, outputs: channels.
        size: side of the kernel.
        stride, pad: as of any convolution; `pad` keeps the size by default.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        bias: bool = True,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.stride, self.pad, self.activation = stride, size // 2 if pad is None else pad, activation
        self.gain = (SQRT2 if activation else 1.0) / math.sqrt(inputs * size * size)

    def forward(self, x: Tensor) -> Tensor:  # (b, inputs, h, w) → (b, outputs, h', w')
        bias = self.bias * SQRT2 if self.bias is not None and self.activation else self.bias
        if (self.stride, self.pad) == (1, 1) and winograd.pays(x, self.weight):
            x = winograd.convolve(x, self._made("winograd", winograd.transform), bias)
        else:
            x = convolve(x, self._made("scaled", lambda weight: weight), bias, self.stride, self.pad)
        return activate(x) if self.activation else x

    def _made(self, name: str, make: Callable[[Tensor], Tensor]) -> Tensor:
        return kept(self, name, self.weight, lambda: make(self.weight * self.gain))


class EqualLinear(nn.Module):
    """A linear layer with equalised learning rate.

    Args:
        inputs, outputs: features.
        start: initial value of the bias.
        speed: learning rate of this layer against the others.
        activation: leaky ReLU after it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        start: float = 0.0,
        speed: float = 1.0,
        activation: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / speed)
        self.bias = nn.Parameter(torch.full((outputs,), start / speed)) if bias else None
        self.activation = activation
        self.bias_gain = speed * (SQRT2 if activation else 1.0)
        self.gain = self.bias_gain / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:  # (…, inputs) → (…, outputs)
        bias = None if self.bias is None else self.bias * self.bias_gain
        x = F.linear(x * self.gain, self.weight, bias)  # the input is smaller than the weight
        return activate(x) if self.activation else x


class DownBlock(nn.Module):
    """A residual block that halves the picture (Karras et al. 2020, figure 7)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = EqualConv(inputs, inputs, 3)
        self.conv2 = EqualConv(inputs, outputs, 3, stride=2, pad=0)
        self.skip = EqualConv(inputs, outputs, 1, bias=False, activation=False)

    def forward(self, x: Tensor) -> Tensor:  # (b, inputs, h, w) → (b, outputs, h / 2, w / 2)
        short = self.skip(blur(x, 1, stride=2))  # a 1 × 1 kernel: to thin out before or after it is the same
        return (self.conv2(blur(self.conv1(x), 2)) + short) / SQRT2
