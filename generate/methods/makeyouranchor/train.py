"""Make-Your-Anchor's training: an auto-encoder where none is begun from, the body's pass, the head's pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core.training import Recipe, Request
from ...latent.samples import materials
from ...ldm.autoencoder import VAEStage
from .card import CARD
from .footage import Footage, footage
from .learning import Body, Head
from .presets import PICTURES, passes


def pictures(request: Request) -> VAEStage:
    """Stage 0: whole frames as latents."""
    side = request.preset.net.side
    found, sources = footage(request.data, request.cache, side, tracked=True, progress=request.progress)

    def shots(parts: Sequence[Footage]) -> Any:
        def shot(random: np.random.Generator) -> np.ndarray:
            part = parts[random.integers(len(parts))]
            return np.array(part.frames[random.integers(len(part))])

        return shot

    both = zip(*(each.parted() for each in found), strict=True)
    return VAEStage(request, *map(shots, both), sources=sources, name=CARD.name)


STAGES = {
    0: Recipe("auto-encoder of pictures", PICTURES, pictures, materials, begins=True),
    1: Recipe("body", passes("body"), Body, materials, begins=True),
    2: Recipe("head", passes("head"), Head, materials, begins=True),
}
