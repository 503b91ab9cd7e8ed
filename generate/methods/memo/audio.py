"""MEMO's audio module: video and sound attend to each other, in the key of an emotion.

Zheng et al. 2024 (arXiv 2412.04448), section 3.3: multi-modal attention and emotion-adaptive layer norm, after Esser et
al., "Scaling Rectified Flow Transformers", ICML 2024 (2403.03206), and Peebles & Xie, "DiT", ICCV 2023 (2212.09748).
"""

from __future__ import annotations

from typing import Any

from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention, JointAttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional as F

from ...nets.ldm.spatial import features, tokens
from .params import NULL


class EmotionNorm(nn.Module):
    """Layer norm whose scale and shift come from an emotion."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.emotion = nn.Embedding(NULL + 1, width)
        self.modulation = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, emotion: Tensor) -> Tensor:
        """x (n, m, width), labels (n,) or (1,) → (n, m, width)."""
        shift, scale = self.modulation(F.silu(self.emotion(emotion)))[:, None].chunk(2, -1)  # n 1 width
        return F.layer_norm(x, x.shape[-1:], eps=1e-5) * (1 + scale) + shift


class AudioBlock(nn.Module):
    """Each stream attends to itself, both to both, then each has its feed-forward layer.

    `last`: nobody reads the sound behind it, so what would change it is left out.
    """

    def __init__(self, width: int, audio: int, heads: int, last: bool) -> None:
        super().__init__()
        size = width // heads
        self.norm1, self.audio_norm1 = EmotionNorm(width), EmotionNorm(audio)
        self.attn1: Any = Attention(width, heads=heads, dim_head=size)
        self.audio_attn1: Any = Attention(audio, heads=heads, dim_head=size)
        self.norm2, self.audio_norm2 = EmotionNorm(width), EmotionNorm(audio)
        self.attn2: Any = Attention(width, heads=heads, dim_head=size, added_kv_proj_dim=audio, context_pre_only=last)
        self.attn2.set_processor(JointAttnProcessor2_0())
        if not last:
            self.attn2.to_add_out = nn.Linear(width, audio)  # diffusers would make it as wide as the video
        self.ff, self.norm3 = FeedForward(width, activation_fn="geglu"), nn.LayerNorm(width)
        self.audio_ff = None if last else FeedForward(audio, activation_fn="geglu")
        self.audio_norm3 = None if last else nn.LayerNorm(audio)

    def forward(self, video: Tensor, audio: Tensor, emotion: Tensor) -> tuple[Tensor, Tensor | None]:
        """video (n, m, width), audio (n, k, audio), labels (n,) → both, the sound None if this is the last block."""
        video = video + self.attn1(self.norm1(video, emotion))
        audio = audio + self.audio_attn1(self.audio_norm1(audio, emotion))
        seen, heard = self.attn2(self.norm2(video, emotion), self.audio_norm2(audio, emotion))
        video, audio = video + seen, audio + heard if self.audio_ff else audio
        video = video + self.ff(self.norm3(video))
        return video, audio + self.audio_ff(self.audio_norm3(audio)) if self.audio_ff and self.audio_norm3 else None


class AudioModule(nn.Module):
    """A block of `width` channels on a feature map of `channels`; what it says of the picture begins as nothing."""

    def __init__(self, channels: int, width: int, audio: int, heads: int, *, last: bool = False) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, width, 1)
        self.block = AudioBlock(width, audio, heads, last)
        self.proj_out: Any = nn.Conv2d(width, channels, 1)
        nn.init.zeros_(self.proj_out.weight)  # the network of stills goes on as it was
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor, audio: Tensor, emotion: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features (n, c, h, w), tokens of sound (n, k, audio), labels (n,) → both; the sound has its input added."""
        video, heard = self.block(tokens(self, x), audio, emotion)
        return features(self, video, x), None if heard is None else heard + audio
