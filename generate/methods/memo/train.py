"""MEMO's training: an auto-encoder where none is begun from, faces, then motion."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.training import Recipe, Request
from ....datasets.crops import Crops
from ...latent.samples import crops, materials
from ...ldm.autoencoder import VAEStage
from .card import CARD
from .faces import Faces
from .moving import Moving
from .presets import FACES, MOTION, PICTURES


def pictures(request: Request) -> VAEStage:
    """Stage 0: crops of faces as latents."""
    parts = crops(request, request.preset.net.side)

    def shots(part: Crops) -> Any:
        def shot(random: np.random.Generator) -> np.ndarray:
            clip, frame = part.window(random, 1)
            return np.array(clip.frames[frame])

        return shot

    return VAEStage(request, *map(shots, parts), sources=parts[0].sources(), name=CARD.name)


STAGES = {
    0: Recipe("auto-encoder of pictures", PICTURES, pictures, materials, begins=True),
    1: Recipe("faces", FACES, Faces, materials, begins=True),
    2: Recipe("motion", MOTION, Moving, materials, begins=True),
}
