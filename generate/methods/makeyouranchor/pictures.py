"""Appearance as tokens: Radford et al., CLIP, ICML 2021 (arXiv 2103.00020), as transformers has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ....core.errors import AssetError
from .params import AppearanceParams, TextParams, UnconditionalParams

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's pictures


class Appearance(nn.Module):
    """CLIP's picture tower: a picture as tokens, which the denoisers attend to as they are (section 3.2)."""

    def __init__(self, params: AppearanceParams) -> None:
        super().__init__()
        self.params = params
        transformers = _transformers()
        config = transformers.CLIPVisionConfig(image_size=params.picture, patch_size=params.patch, **params.config())
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
            vocab_size=params.words, max_position_embeddings=params.places, **params.config()
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
