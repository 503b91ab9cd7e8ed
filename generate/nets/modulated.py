"""Convolutions whose kernel a style scales (Karras et al. 2020, section 2.2), without a kernel for every sample.

The style s scales the input channels of the kernel, demodulation d its output channels; both commute with the
convolution, conv(d W s, x) = d conv(W, s x). So either the kernel is scaled or the maps are, whichever is smaller.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import winograd
from .fir import blur
from .kept import kept
from .stylekit import SQRT2, EqualLinear, activate, convolve


class ModulatedConv(nn.Module):
    """A convolution modulated by a style; then bias, noise and activation where asked.

    Args:
        inputs, outputs: channels.
        size: side of the kernel, 1 or 3.
        style: length of the style vector.
        demodulate: bring every output channel back to unit variance.
        up: double the picture, with the low-pass filter.
        bias, activation: what follows the convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        style: int,
        *,
        demodulate: bool = True,
        up: bool = False,
        bias: bool = True,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.style = EqualLinear(style, inputs, start=1.0)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.up, self.demodulate, self.activation = up, demodulate, activation
        self.fan_in = inputs * size * size

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """(b, inputs, h, w) and (b, style) → (b, outputs, h', w'); `noise` is added before the activation."""
        gain = SQRT2 if self.activation else 1.0
        into = self.style(style) / math.sqrt(self.fan_in)  # (b, inputs)
        out = self.demodulation(into) * gain  # (b, outputs)
        bias = None if self.bias is None else self.bias * gain
        if not self.up and winograd.pays(x, self.weight):
            kernel = kept(self, "winograd", self.weight, lambda: winograd.transform(self.weight))
            x = winograd.convolve(x * into[:, :, None, None], kernel, None).mul_(out[:, :, None, None])
            x = x if bias is None else x.add_(bias[:, None, None])
        elif len(x) == 1 and self.weight.numel() < x.numel():
            weight = self.weight * (out[0, :, None] * into[0])[:, :, None, None]
            x = self.convolve(x, weight, bias)
        else:
            x = self.convolve(x * into[:, :, None, None], self.weight, None) * out[:, :, None, None]
            x = x if bias is None else x.add_(bias[:, None, None])
        if noise is not None:
            x = x + noise * gain
        return activate(x) if self.activation else x

    def demodulation(self, into: Tensor) -> Tensor:
        """One over the norm of each output channel's scaled kernel (equation 3): (b, inputs) → (b, outputs).

        The energy of the kernels (outputs, inputs) does not depend on the style.
        """
        if not self.demodulate:
            return into.new_ones(len(into), len(self.weight))
        with torch.autocast(into.device.type, enabled=False):
            energy = kept(self, "energy", self.weight, lambda: self.weight.float().square().sum((2, 3)))
            return torch.rsqrt(F.linear(into.float().square(), energy) + 1e-8).to(into.dtype)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.up:
            return blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, gain=4, bias=bias)
        return convolve(x, weight, bias, 1, weight.shape[-1] // 2)
