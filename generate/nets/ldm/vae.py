"""Pictures as latents (Rombach et al., CVPR 2022, arXiv 2112.10752), by the `AutoencoderKL` of diffusers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn


@dataclass(frozen=True)
class VAEParams:
    """Sizes of a `VAE`; the defaults are Stable Diffusion's.

    Attributes:
        widths: channels of each level; every level but the last halves the picture.
        depth: residual blocks of a level in the encoder; one more in the decoder.
        channels: of the latents.
        scale: of the latents, which brings them to about unit size.
        side: of the pictures it is meant for, in pixels.
    """

    widths: tuple[int, ...] = (128, 256, 512, 512)
    depth: int = 2
    channels: int = 4
    scale: float = 0.18215
    side: int = 512

    @property
    def stride(self) -> int:
        """Pixels of a side to one of the latents."""
        return 2 ** (len(self.widths) - 1)


class VAE(nn.Module):
    """The auto-encoder of `params`; it draws nothing, latents are the means of their distributions."""

    bare: ClassVar[bool] = True

    def __init__(self, params: VAEParams) -> None:
        super().__init__()
        levels = len(params.widths)
        self.params = params
        down, up = ("DownEncoderBlock2D",) * levels, ("UpDecoderBlock2D",) * levels
        options: Any = {"block_out_channels": params.widths, "down_block_types": down, "up_block_types": up}
        options["norm_num_groups"] = min(32, params.widths[0])
        self.net: Any = AutoencoderKL(**options, layers_per_block=params.depth, latent_channels=params.channels)

    def encode(self, pictures: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1] → latents (n, channels, h / stride, w / stride)."""
        return self.net.encode(pictures).latent_dist.mean * self.params.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (n, channels, h, w) → pictures (n, 3, stride · h, stride · w), within [-1, 1]."""
        return self.raw(latents).clamp(-1, 1)

    def raw(self, latents: Tensor) -> Tensor:
        """`decode` before its bounds, for training."""
        return self.net.decode(latents / self.params.scale).sample
