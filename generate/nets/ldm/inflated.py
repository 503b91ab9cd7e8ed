"""Networks of stills over video: convolutions see one frame, attention and normalisation all frames of a clip.

Wu et al., "Tune-A-Video", ICCV 2023 (arXiv 2212.11565), section 3.2: inflation adds no parameters, so weights of stills
fit as they are. The blocks are those of diffusers; a video goes through them with its frames folded into the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from .frames import fold, unfold


@dataclass
class Clip:
    """How many frames of the batch make a clip; set it before a pass."""

    frames: int = 1


class ClipNorm(nn.GroupNorm):
    """Group normalisation with one mean and variance for all frames of a clip: what it is on 5-dimensional tensors."""

    def __init__(self, still: nn.GroupNorm, clip: Clip) -> None:
        super().__init__(still.num_groups, still.num_channels, still.eps, still.affine)
        self.load_state_dict(still.state_dict())
        self.clip = clip

    def forward(self, input: Tensor) -> Tensor:
        return fold(super().forward(unfold(input, self.clip.frames)))


class AllFrames(AttnProcessor2_0):
    """Attention in which the tokens of all frames of a clip are one sequence.

    Self-attention thereby goes over all frames. Cross-attention, whose queries know nothing of each other, is that of
    every frame alone; its context (b, n, d) is given and projected once a clip, not once a frame.
    """

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.clip = clip

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        clip = hidden_states.unflatten(0, (-1, self.clip.frames)).flatten(1, 2)  # b·f n c → b f·n c
        found = super().__call__(attn, clip, encoder_hidden_states, attention_mask, **kwargs)
        return found.unflatten(1, (self.clip.frames, -1)).flatten(0, 1)


def inflate(net: ModelMixin, *, attention: bool) -> Clip:
    """Make a U-Net or ControlNet of diffusers one of clips, in place.

    The normalisation of residual blocks and of the output goes over all frames, that of transformers over one.

    Args:
        attention: attend to all frames, with a context for every clip instead of every frame.

    Returns:
        The number of frames, for the caller to set.
    """
    clip = Clip()
    for block in [module for module in net.modules() if isinstance(module, ResnetBlock2D)]:
        block.norm1, block.norm2 = ClipNorm(block.norm1, clip), ClipNorm(block.norm2, clip)
    if isinstance(last := getattr(net, "conv_norm_out", None), nn.GroupNorm):
        net.conv_norm_out = ClipNorm(last, clip)
    if attention:
        net.set_attn_processor(AllFrames(clip))
    return clip
