"""IF-MDM, second stage in training: windows of 65 frames, the first of which is the hint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....core.training import Batch, Request
from ...latent.motion_stage import MotionStage, Piece, normal
from ...latent.voiced import Voiced
from .model import IFMDMMotion


class IFMDMMotionStage(MotionStage):
    """The hybrid loss with learned variance, five conditions dropped by themselves."""

    kind = IFMDMMotion

    def __init__(self, request: Request) -> None:
        super().__init__(request, name="ifmdm")

    def fitted(self, clips: list[Voiced]) -> None:
        """The model remembers how much its data moves: within windows, as the condition is measured."""
        super().fitted(clips)
        size = self.length + self.context
        windows = [clip.codes[at : at + size] for clip in clips for at in range(0, len(clip.codes) - size + 1, size)]
        self.model.deviation.copy_(self.model.unit(torch.from_numpy(np.stack(windows))).std(1).mean(0))

    def heard(self, piece: Piece, random: np.random.Generator) -> dict[str, Any]:
        return {"sound": piece.clip.sound[piece.new], "noise": normal(random, self.length, self.model.dimension)}

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        return self.model.loss(batch["codes"], batch["sound"], batch["t"], batch["noise"], self.coin(batch))
