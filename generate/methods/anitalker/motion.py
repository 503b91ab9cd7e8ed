"""AniTalker, second stage in training: sound and, where the preset has them, measured pose, place and scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ....core.training import Batch, Request
from ...latent.motion_stage import MotionStage, Piece, normal
from .model import AniTalkerMotion


class AniTalkerMotionStage(MotionStage):
    """Windows of 125 frames, as in the official training step; nothing is given of the frames before."""

    kind = AniTalkerMotion

    def __init__(self, request: Request) -> None:
        super().__init__(request, name="anitalker")

    def heard(self, piece: Piece, random: np.random.Generator) -> dict[str, Any]:
        signals = {name: getattr(piece.clip, name)[piece.rows] for name in self.preset.model.signals}
        noise = normal(random, self.context + self.length, self.model.dimension)
        return {"sound": piece.clip.sound[piece.rows], "noise": noise, **signals}

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        signals = {name: batch[name] for name in self.preset.model.signals}
        return self.model.loss(batch["codes"], batch["sound"], self.start(batch), signals, batch["t"], batch["noise"])
