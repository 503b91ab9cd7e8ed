"""The generator of StyleGAN2 with skip connections (Karras et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .fir import KERNEL, upsample
from .modulated import ModulatedConv
from .renaming import Table
from .stylekit import EqualLinear
from .widths import stages

OFFICIAL = Table(
    substitutions=(
        (r"^style\.(\d+)\.", lambda match: f"mapping.layers.{int(match[1]) - 1}."),
        (r"^input\.input$", r"constant"),
        (r"^noises\.noise_(\d+)$", r"noise\1"),
        (r"^(conv|to_rgb)s\.(\d+)\.", lambda match: f"{match[1]}{int(match[2]) + 2}."),
        (r"^(conv|to_rgb)(\d+)\.", lambda match: f"{match[1]}s.{int(match[2]) - 1}."),
        (r"^to_rgbs\.", r"rgbs."),
        (r"^convs\.(\d+)\.noise\.weight$", r"noise_gains.\1"),
        (r"\.conv\.modulation\.", r".style."),
        (r"\.(?:conv|activate)\.(weight|bias)$", r".\1"),
    ),
    constants=((r"\.kernel$", 4 * KERNEL),),
)


@dataclass(frozen=True)
class StyleGAN2Params:
    """Options of the generator.

    Attributes:
        size: side of the picture.
        style: length of z and w.
        mapping: layers of the mapping network.
        speed: learning rate of the mapping network against the rest.
        width: factor on the number of channels.
    """

    size: int = 256
    style: int = 512
    mapping: int = 8
    speed: float = 0.01
    width: float = 1.0


class Mapping(nn.Module):
    """z (b, style) → w (b, style)."""

    def __init__(self, params: StyleGAN2Params) -> None:
        super().__init__()
        style, speed = params.style, params.speed
        self.layers = nn.Sequential(
            *(EqualLinear(style, style, speed=speed, activation=True) for _ in range(params.mapping))
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8))


class StyleGAN2(nn.Module):
    """w → picture; the noise is fixed, so the same w gives the same picture."""

    def __init__(self, params: StyleGAN2Params) -> None:
        super().__init__()
        style, sides = params.style, stages(params.size, params.width)[::-1]
        self.params = params
        self.mapping = Mapping(params)
        self.constant = nn.Parameter(torch.randn(1, sides[0][1], 4, 4))
        self.convs, self.rgbs = nn.ModuleList(), nn.ModuleList()
        before = sides[0][1]
        for side, channels in sides:
            if side > 4:
                self.convs.append(ModulatedConv(before, channels, 3, style, up=True))
            self.convs.append(ModulatedConv(channels, channels, 3, style))
            self.rgbs.append(ModulatedConv(channels, 3, 1, style, demodulate=False, activation=False))
            before = channels
        self.noise_gains = nn.ParameterList(torch.zeros(1) for _ in self.convs)
        for layer in range(len(self.convs)):
            side = 4 << (layer + 1) // 2
            self.register_buffer(f"noise{layer}", torch.randn(1, 1, side, side))

    @property
    def layers(self) -> int:
        """How many styles a picture takes: one for each convolution and one for the last colours."""
        return len(self.convs) + 1

    def forward(self, styles: Tensor | Sequence[Tensor]) -> Tensor:
        """Synthesise.

        Args:
            styles: w (b, style) for all layers, or a sequence of `layers` of them.

        Returns:
            Pictures (b, 3, size, size), about [-1, 1].
        """
        styles = [styles] * self.layers if isinstance(styles, Tensor) else styles
        x, picture = self.constant.expand(len(styles[0]), -1, -1, -1), None
        for layer, conv in enumerate(self.convs):
            x = conv(x, styles[layer], self.noise_gains[layer] * getattr(self, f"noise{layer}"))
            if layer % 2 == 0:
                colours = self.rgbs[layer // 2](x, styles[layer + 1])
                picture = colours if picture is None else colours + upsample(picture)
        assert picture is not None
        return picture
