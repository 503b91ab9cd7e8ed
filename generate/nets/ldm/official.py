"""Checkpoints of Stable Diffusion's parts under our names, sizes read off their tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ....core.errors import AssetError
from ..renaming import HINT, Table
from .vae import VAE, VAEParams

Net = TypeVar("Net", bound=nn.Module)
AUTOENCODER = Table(
    (
        (r"\.query\.", ".to_q."),  # names of older versions of diffusers, which the published file has
        (r"\.key\.", ".to_k."),
        (r"\.value\.", ".to_v."),
        (r"\.proj_attn\.", ".to_out.0."),
        (r"^", "net."),
    )
)


def autoencoder(official: Mapping[str, Tensor], config: Mapping[str, Any], name: str = "VAE") -> VAE:
    """The auto-encoder of a `vae` folder.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    resnets = [re.fullmatch(r"encoder\.down_blocks\.(\d+)\.resnets\.(\d+)\.conv1\.bias", key) for key in official]
    places = [(int(found[1]), int(found[2])) for found in resnets if found]
    levels, depth = (1 + max((place[i] for place in places), default=0) for i in (0, 1))
    firsts = (f"encoder.down_blocks.{level}.resnets.0.conv1.bias" for level in range(levels))
    widths = tuple(length(official, key, name) for key in firsts)
    channels, scale = length(official, "quant_conv.bias", name) // 2, config.get("scaling_factor", VAEParams.scale)
    if not isinstance(scale, float) or not 0 < scale < 10 or any(width % 32 for width in widths):
        raise AssetError("bad_checkpoint", f"{name} is no auto-encoder of Stable Diffusion", HINT)
    return filled(lambda: VAE(VAEParams(widths, depth, channels, scale)), official, name, AUTOENCODER)


def length(official: Mapping[str, Tensor], key: str, name: str, dimension: int = 0) -> int:
    """One size of a tensor of a checkpoint.

    Raises:
        AssetError: `bad_checkpoint` if there is none.
    """
    found = official.get(key)
    if found is None or found.ndim <= dimension or not found.shape[dimension]:
        raise AssetError("bad_checkpoint", f"{name} has no {key}", HINT)
    return found.shape[dimension]


def filled(build: Callable[[], Net], official: Mapping[str, Tensor], name: str, table: Table) -> Net:
    """A network with the tensors of a checkpoint in it."""
    with torch.device("meta"):  # its sizes are a stranger's: nothing is allocated before they have been compared
        net = build()
    tensors = table.convert(official, net.state_dict(), name)
    if next(net.buffers(), None) is not None:  # constants that no file holds
        net = build()
    net.load_state_dict(tensors, assign=True)
    return net.eval()
