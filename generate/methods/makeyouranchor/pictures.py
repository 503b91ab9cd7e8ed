"""What stands around the denoisers: pictures as latents, and appearance as tokens.

Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR 2022 (arXiv 2112.10752); Radford et
al., CLIP, ICML 2021 (2103.00020). The networks are those of diffusers and transformers.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional

from ....core.errors import AssetError
from .params import AppearanceParams, AutoencoderParams, TextParams, UnconditionalParams

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's pictures


class Autoencoder(nn.Module):
    """Pictures to latents an eighth as wide, and back."""

    bare: ClassVar = True

    def __init__(self, params: AutoencoderParams) -> None:
        super().__init__()
        self.params = params
        down, up = ["DownEncoderBlock2D"], ["UpDecoderBlock2D"]
        options: Any = {"block_out_channels": params.channels, "latent_channels": params.latent}
        options |= {"down_block_types": down * len(params.channels), "up_block_types": up * len(params.channels)}
        self.net: Any = AutoencoderKL(**options, layers_per_block=2, scaling_factor=params.scale)

    def encode(self, pictures: Tensor) -> Tensor:
        """Mean latents (b, 4, h, w), at unit size, of pictures (b, 3, 8h, 8w) in [-1, 1]."""
        return self.net.encode(pictures).latent_dist.mean * self.params.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (b, 3, 8h, 8w), about [-1, 1], of latents (b, 4, h, w)."""
        return self.net.decode(latents / self.params.scale, return_dict=False)[0]


class Appearance(nn.Module):
    """CLIP's picture tower: a picture as tokens, which the denoisers attend to as they are (section 3.2)."""

    def __init__(self, params: AppearanceParams) -> None:
        super().__init__()
        self.params = params
        transformers = _transformers()
        config = transformers.CLIPVisionConfig(
            hidden_size=params.width,
            intermediate_size=params.inner,
            num_hidden_layers=params.depth,
            num_attention_heads=params.heads,
            image_size=params.picture,
            patch_size=params.patch,
        )
        net = transformers.CLIPVisionModel(config)
        self.net = getattr(net, "vision_model", net)  # one level less since transformers 5

    def forward(self, pictures: Tensor) -> Tensor:
        """Tokens (b, n, width) of pictures (b, 3, h, w) in [-1, 1]; the first one is that of the whole picture."""
        size = (self.params.picture,) * 2
        small = functional.interpolate(pictures, size, mode="bicubic", antialias=True, align_corners=False)
        mean, deviation = (pictures.new_tensor(value)[:, None, None] for value in (MEAN, DEVIATION))
        return self.tokens(((small + 1) / 2 - mean) / deviation)

    def tokens(self, pictures: Tensor) -> Tensor:
        """The same, of pictures of the right size and colour scale; not normalised at the end."""
        return self.net(pixel_values=pictures).last_hidden_state


class Text(nn.Module):
    """CLIP's text tower, which is asked but once."""

    def __init__(self, params: TextParams) -> None:
        super().__init__()
        self.params = params
        transformers = _transformers()
        config = transformers.CLIPTextConfig(
            hidden_size=params.width,
            intermediate_size=params.inner,
            num_hidden_layers=params.depth,
            num_attention_heads=params.heads,
            vocab_size=params.words,
            max_position_embeddings=params.places,
        )
        net = transformers.CLIPTextModel(config)
        self.net = getattr(net, "text_model", net)

    def forward(self, words: Tensor) -> Tensor:
        """Tokens (b, n, width) of words (b, n), whole numbers."""
        return self.net(input_ids=words).last_hidden_state


class Unconditional(nn.Module):
    """The tokens (n, width) of an empty text, which stand for no appearance in classifier-free guidance."""

    tokens: Tensor

    def __init__(self, params: UnconditionalParams) -> None:
        super().__init__()
        self.params = params
        self.register_buffer("tokens", torch.zeros(params.tokens, params.width))


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        install = 'Run: pip install "facewright[encoders]"'
        raise AssetError("transformers_missing", "transformers is not installed", install) from error
    return transformers
