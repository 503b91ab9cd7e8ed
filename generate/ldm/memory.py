"""Pictures on a device with little memory: the auto-encoder works in tiles, networks come to the device when needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..nets.ldm.vae import VAE

TILE = 256  # pixels of a tile's side
PIXEL = 24  # numbers that the decoder holds at its widest point for each channel of a pixel's features; an estimate


@dataclass(frozen=True)
class Budget:
    """Gigabytes that may be used on a device; 0 for no bound."""

    gigabytes: float
    device: torch.device

    def fit(self, vae: VAE, *networks: nn.Module) -> None:
        """Work in tiles if a picture's decoding takes more than the budget leaves; keep networks on the CPU until they
        are called if all of them do not fit beside it."""
        size = vae.params.side**2 * vae.params.widths[0] * PIXEL
        held = [_bytes(net) for net in networks]
        tight = bool(self.gigabytes) and sum(held) + size > self.gigabytes * 1e9
        net: Any = vae.net
        net.use_tiling = tight
        net.tile_sample_min_size, net.tile_latent_min_size = TILE, TILE // vae.params.stride
        if self.device.type == "cuda":
            for each in networks:
                offload(each, self.device if tight else None)


def offload(net: nn.Module, device: torch.device | None) -> None:
    """Let a network's parts come to `device` for each call and leave it again; None: stay where they are."""
    from accelerate import cpu_offload
    from accelerate.hooks import remove_hook_from_submodules

    remove_hook_from_submodules(net)
    if device is not None:
        cpu_offload(net, execution_device=device)


def _bytes(net: nn.Module) -> int:
    return sum(each.numel() * each.element_size() for each in net.parameters())
