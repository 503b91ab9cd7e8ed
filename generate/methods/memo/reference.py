"""MEMO's reference network: a U-Net that is read, not asked.

Zheng et al. 2024 (arXiv 2412.04448), section 3.1, after Hu et al., "Animate Anyone" (arXiv 2311.17117).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...nets.ldm.spatial import attend, tokens
from ...nets.ldm.unet import UNet, UNetParams

Bank = dict[str, Tensor]  # name of a layer → tokens (…, h·w, c)


class ReferenceNet(UNet):
    """What each layer looks at when it sees a picture; nothing behind the last layer's first norm is needed."""

    def __init__(self, params: UNetParams | None = None) -> None:
        params = params or UNetParams()
        super().__init__(params)
        self.params = params
        *_, (self.last, tail) = self.parts("attentions").items()
        (inner,) = tail.transformer_blocks
        for part in [name for name, _ in inner.named_children() if name != "norm1"]:
            delattr(inner, part)
        del tail.proj_out, self.conv_norm_out, self.conv_out

    def forward(self, x: Tensor, context: Tensor) -> Bank:
        """Latents (n, c, h, w) and tokens of the face (n, k, context) → tokens (n, h·w, width) of every layer.

        They are the normed input of its self-attention, or what its residual block gave where it has none.
        """
        bank: Bank = {}
        attentions = self.parts("attentions")

        def layer(name: str, x: Tensor) -> Tensor:
            if name not in attentions:
                bank[name] = x.flatten(2).transpose(1, 2)
            elif name == self.last:
                bank[name] = attentions[name].transformer_blocks[0].norm1(tokens(attentions[name], x))
            else:
                x, bank[name] = attend(attentions[name], x, context)
            return x

        self.walk(x, torch.zeros(len(x), device=x.device), layer)
        return bank
