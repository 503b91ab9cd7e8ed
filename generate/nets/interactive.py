"""Motion of one side of a conversation: what both voices ask of a face, and a transformer that draws it.

Zhu et al., "INFP: Audio-Driven Interactive Head Generation in Dyadic Conversations", CVPR 2025 (arXiv 2412.04037),
sections 3.2 and 3.3. Nobody says who speaks: two learned memories, one of verbal and one of non-verbal motion, are
asked by the agent's own voice and by the partner's, and their answers are added.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .audio import AudioParams
from .dit import Attention, TimeEmbedding, modulate, sinusoids, zero


@dataclass(frozen=True)
class InteractiveParams:
    """Sizes.

    Attributes:
        width: channels of memories, style and transformer.
        memories: rows of each memory.
        blocks: blocks of the transformer.
        style_blocks: blocks of the style encoder.
        heads: attention heads.
        expansion: inner width of feed-forward layers over `width`.
    """

    width: int = 512
    memories: int = 64
    blocks: int = 4
    style_blocks: int = 2
    heads: int = 8
    expansion: int = 4


def _feed_forward(params: InteractiveParams) -> nn.Sequential:
    inner = params.width * params.expansion
    return nn.Sequential(nn.Linear(params.width, inner), nn.GELU(), nn.Linear(inner, params.width))


def _places(x: Tensor, first: int = 0) -> Tensor:
    """Positions (n, width) of frames `first` … for x (b, n, width)."""
    return sinusoids(torch.arange(first, first + x.shape[1], dtype=torch.float64, device=x.device), x.shape[2])


class StyleEncoder(nn.Module):
    """How somebody moves, from any clip of motion codes: (b, n, motion) → (b, width)."""

    def __init__(self, motion: int, params: InteractiveParams) -> None:
        super().__init__()
        self.enter = nn.Linear(motion, params.width)
        sizes = (params.width, params.heads, params.width * params.expansion)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(*sizes, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(params.style_blocks)
        )
        self.out = nn.Linear(params.width, params.width)

    def forward(self, codes: Tensor) -> Tensor:
        x = self.enter(codes)
        x = x + _places(x)
        for block in self.blocks:
            x = block(x)
        return self.out(x.mean(1))


class Memory(nn.Module):
    """A bank of learned motion that a voice asks, in a given style.

    As StyleGAN2 modulates a kernel, the style scales the bank's channels and each row is brought back to unit size.
    """

    def __init__(self, params: InteractiveParams) -> None:
        super().__init__()
        self.bank = nn.Parameter(torch.randn(params.memories, params.width))
        self.scale = zero(nn.Linear(params.width, params.width))
        self.attention = Attention(params.width, params.heads)

    def forward(self, voice: Tensor, style: Tensor) -> Tensor:
        """Voice (b, n, width), style (b, width), zeros for none → (b, n, width)."""
        bank = self.bank * (1 + self.scale(style)[:, None])  # b rows width
        bank = bank * bank.square().mean(-1, keepdim=True).add(1e-8).rsqrt()
        return self.attention(voice, bank)


class MotionGuider(nn.Module):
    """Two voices → what the face is to do, frame by frame (f_m of the paper)."""

    def __init__(self, audio: AudioParams, params: InteractiveParams) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Linear(audio.width * audio.substeps, params.width), nn.LayerNorm(params.width))
        self.verbal, self.nonverbal = Memory(params), Memory(params)
        self.out = nn.Sequential(nn.LayerNorm(params.width), _feed_forward(params))

    def forward(self, agent: Tensor, partner: Tensor, style: Tensor) -> Tensor:
        """Voices (b, n, substeps, channels), style (b, width) → (b, n, width)."""
        verbal = self.verbal(self.enter(agent.flatten(2)), style)
        return self.out(verbal + self.nonverbal(self.enter(partner.flatten(2)), style))


class InteractiveBlock(nn.Module):
    """Attention among frames, to the guide, and over time to the frames before; each scaled by the diffusion step."""

    def __init__(self, params: InteractiveParams) -> None:
        super().__init__()
        self.frames, self.guide, self.time = (Attention(params.width, params.heads) for _ in range(3))
        self.feed_forward = _feed_forward(params)
        self.modulation = zero(nn.Linear(params.width, 12 * params.width))

    def forward(self, x: Tensor, guide: Tensor, past: Tensor, step: Tensor) -> Tensor:
        """x, guide (b, n, width), past (b, k, width), step (b, 1, width) → (b, n, width)."""
        parts = self.modulation(step).unflatten(-1, (4, 3, -1)).unbind(2)  # four of shift, scale, gate
        shift, scale, gate = parts[0].unbind(2)
        x = x + gate * self.frames(modulate(x, shift, scale))
        shift, scale, gate = parts[1].unbind(2)
        x = x + gate * self.guide(modulate(x, shift, scale), guide)
        shift, scale, gate = parts[2].unbind(2)
        inner = modulate(x, shift, scale)
        x = x + gate * self.time(inner, torch.cat([past, inner], 1))
        shift, scale, gate = parts[3].unbind(2)
        return x + gate * self.feed_forward(modulate(x, shift, scale))


class InteractiveTransformer(nn.Module):
    """The denoiser: noise in motion codes, given the guide and the codes before the window."""

    def __init__(self, motion: int, params: InteractiveParams) -> None:
        super().__init__()
        width = params.width
        self.enter, self.before = nn.Linear(motion, width), nn.Linear(motion, width)
        self.step = TimeEmbedding(width)
        self.blocks = nn.ModuleList(InteractiveBlock(params) for _ in range(params.blocks))
        self.modulation = zero(nn.Linear(width, 2 * width))
        self.out = zero(nn.Linear(width, motion))

    def forward(self, x: Tensor, t: Tensor, *, guide: Tensor, past: Tensor) -> Tensor:
        """x (b, n, motion), t (b,), guide (b, n, width), past (b, k, motion) → (b, n, motion)."""
        x, before = self.enter(x), self.before(past)
        x, before = x + _places(x), before + _places(before, -before.shape[1])
        guide = guide + _places(guide)
        step = F.silu(self.step(t))[:, None]
        for block in self.blocks:
            x = block(x, guide, before, step)
        shift, scale = self.modulation(step).chunk(2, -1)
        return self.out(modulate(x, shift, scale))
