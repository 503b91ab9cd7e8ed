"""Official weights of Make-Your-Anchor as our networks.

Source: ICTMCG/Make-Your-Anchor da94dda, folders `body` and `head`, each with the U-Net and the ControlNet of a person
as diffusers stores them. Key names are those of diffusers, as ours are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ....core.errors import AssetError
from ...nets.ldm.official import filled, length
from ...nets.renaming import HINT, Table
from .model import Control, UNet
from .params import ControlParams, UNetParams

TABLE = Table(
    ((r"^", "net."),),
    unused=(r"\.norm_temp\.",),  # of the official ControlNet over clips, which never calls it
)
HINTS = "controlnet_cond_embedding"


def unet(official: Mapping[str, Tensor], name: str = "U-Net", *, heads: int = 8, clips: bool = True) -> UNet:
    """The denoiser of a `unet` folder.

    Args:
        heads: of its attention, which the tensors do not tell.
        clips: as in `UNetParams`: for the body's stage, not for the head's.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    sizes = _sizes(official, name)
    outputs, side = length(official, "conv_out.bias", name), 512 if clips else 256
    return filled(
        lambda: UNet(UNetParams(outputs=outputs, heads=heads, clips=clips, side=side, **sizes)), official, name, TABLE
    )


def control(official: Mapping[str, Tensor], name: str = "ControlNet", *, heads: int = 8, clips: bool = True) -> Control:
    """The network of a `controlnet` folder; arguments and errors as of `unet`."""
    sizes = _sizes(official, name)
    narrowing = sorted(key for key in official if re.fullmatch(rf"{HINTS}\.blocks\.\d+\.bias", key))[::2]
    hint = (*(length(official, key, name) for key in narrowing), length(official, f"{HINTS}.blocks.5.bias", name))
    return filled(lambda: Control(ControlParams(hint=hint, heads=heads, clips=clips, **sizes)), official, name, TABLE)


def _sizes(official: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    keys = sorted(key for key in official if re.fullmatch(r"down_blocks\.\d\.resnets\.0\.conv2\.bias", key))
    query = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    channels = tuple(length(official, key, name) for key in keys)
    if len(channels) != 4 or any(count % 32 for count in channels):  # 32 groups are normalised
        raise AssetError("bad_checkpoint", f"{name} is no network of Stable Diffusion 1.5", HINT)
    return {
        "inputs": length(official, "conv_in.weight", name, 1),
        "channels": channels,
        "context": length(official, query, name, 1),
    }
