"""MEMO's small networks: what is heard, whose face it is, and how the voice feels.

Zheng et al., "MEMO: Memory-Guided Diffusion for Expressive Talking Video Generation", 2024 (arXiv 2412.04448).
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from .params import EMOTIONS, AudioProjectionParams, EmotionParams, ImageProjectionParams


class AudioProjection(nn.Module):
    """Tokens of sound for every frame."""

    def __init__(self, params: AudioProjectionParams) -> None:
        super().__init__()
        self.params = params
        heard = params.window * params.layers * params.channels
        self.first = nn.Linear(heard, params.width)
        self.second = nn.Linear(params.width, params.width)
        self.third = nn.Linear(params.width, params.tokens * params.audio)
        self.norm = nn.LayerNorm(params.audio)

    def forward(self, heard: Tensor) -> Tensor:
        """Hidden states (…, window, layers, channels) → (…, tokens, audio)."""
        x = F.relu(self.second(F.relu(self.first(heard.flatten(-3)))))
        return self.norm(self.third(x).unflatten(-1, (-1, self.params.audio)))


class ImageProjection(nn.Module):
    """Tokens of a face; those of an embedding of zeros stand for no face at all."""

    def __init__(self, params: ImageProjectionParams) -> None:
        super().__init__()
        self.params = params
        self.proj = nn.Linear(params.identity, params.tokens * params.context)
        self.norm = nn.LayerNorm(params.context)

    def forward(self, identity: Tensor) -> Tensor:
        """(b, identity) → (b, tokens, context)."""
        return self.norm(self.proj(identity).unflatten(-1, (-1, self.params.context)))


class EmotionClassifier(nn.Module):
    """How a voice feels."""

    def __init__(self, params: EmotionParams) -> None:
        super().__init__()
        self.params = params
        sizes = [params.features, *[params.width] * (params.depth - 1), EMOTIONS]
        self.layers = nn.ModuleList(nn.Linear(*ends) for ends in pairwise(sizes))

    def forward(self, features: Tensor) -> Tensor:
        """Mean features (b, features) → probabilities (b, emotions)."""
        for layer in self.layers[:-1]:
            features = F.relu(layer(features))
        return self.layers[-1](features).softmax(-1)
