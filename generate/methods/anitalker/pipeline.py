"""AniTalker as a method."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...latent.method import LatentMethod
from ...latent.portrait import LatentPortrait
from ...method import ControlValue
from .card import CARD
from .model import AniTalkerMotion, Controls

FREE = "free"


class AniTalker(LatentMethod):
    """Pose, place and scale come from the sound unless they are set."""

    card, kind = CARD, AniTalkerMotion

    def controls(self, state: LatentPortrait, controls: Mapping[str, ControlValue]) -> Controls:
        signals: dict[str, Tensor] = {}
        angles = [controls[name] for name in ("yaw", "pitch", "roll")]
        if any(angle != FREE for angle in angles):  # the model takes all three or none
            signals["pose"] = torch.tensor([0.0 if angle == FREE else float(angle) / 90 for angle in angles])
        for name in ("location", "scale"):
            if controls[name] != FREE:
                signals[name] = torch.tensor([float(controls[name])])
        return Controls({name: value.to(self.device) for name, value in signals.items()}, int(controls["steps"]))


METHOD = AniTalker
