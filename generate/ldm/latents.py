"""Clips as latents: encoded once, kept on disk, read as they are drawn."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...core.atomic import telling
from ..nets.ldm.vae import VAE
from .autoencoder import scaled


def digest(net: nn.Module) -> str:
    """A name that changes with the weights of a network."""
    found = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        found.update(name.encode() + tensor.contiguous().cpu().numpy().tobytes())
    return found.hexdigest()[:12]


@torch.inference_mode()
def encoded(frames: np.ndarray, vae: VAE, path: Path) -> np.ndarray:
    """Latents float16 (T, c, h, w) of frames uint8 (T, H, W, 3), a read-only memory map of `path`, made if need be."""
    if not path.exists():
        with telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part.npy")
            shape = vae.encode(scaled(torch.from_numpy(frames[:1].copy()))).shape[1:]
            out = np.lib.format.open_memmap(part, "w+", np.float16, (len(frames), *shape))
            for index, frame in enumerate(frames):
                out[index] = vae.encode(scaled(torch.from_numpy(frame[None].copy())))[0].numpy()
            out.flush()
            part.replace(path)
    return np.load(path, mmap_mode="r")
