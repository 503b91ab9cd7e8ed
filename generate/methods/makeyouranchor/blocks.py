"""What passes between the calls of the contract: a picture made ready, and blocks of frames that are latents yet."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from .params import SamplingParams


@dataclass(frozen=True)
class Person:
    """A picture made ready.

    Attributes:
        size: (height, width) of its frames.
        drawn: (height, width) in which they are drawn.
        body, head: appearance tokens (2, n, d), those of no appearance first.
        beside: latents (c, h, w) of body and head, where the networks see them beside what they draw.
    """

    size: tuple[int, int]
    drawn: tuple[int, int]
    body: Tensor
    head: Tensor
    beside: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True)
class Block:
    """Frames that are latents yet.

    Attributes:
        latents: float32 (n, 4, h / 8, w / 8).
        renders: uint8 (n, h, w, 3).
        noise: (4, s, s), of every head.
        sampling: of the heads.
    """

    latents: Tensor
    renders: np.ndarray
    noise: Tensor
    sampling: SamplingParams

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, part: slice) -> Block:
        return replace(self, latents=self.latents[part], renders=self.renders[part])


def drawn_size(height: int, width: int, side: int, coarsest: int) -> tuple[int, int]:
    """(height, width) in which a picture is drawn: its shorter side about `side`, both multiples of `coarsest`."""
    scale = side / min(height, width) / coarsest
    return max(1, round(height * scale)) * coarsest, max(1, round(width * scale)) * coarsest
