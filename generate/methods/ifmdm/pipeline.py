"""IF-MDM as a method."""

from __future__ import annotations

from collections.abc import Mapping

from ...latent.method import LatentMethod
from ...latent.portrait import LatentPortrait
from ...method import ControlValue
from .card import CARD
from .model import Controls, IFMDMMotion


class IFMDM(LatentMethod):
    """Amplitude and resting pose are told to the model as statistics of the motion."""

    card, kind = CARD, IFMDMMotion

    def controls(self, state: LatentPortrait, controls: Mapping[str, ControlValue]) -> Controls:
        return Controls(
            amplitude=float(controls["amplitude"]),
            mean=self.model.code_mean if controls["rest"] == "average" else None,
            guidance=float(controls["guidance"]),
            steps=int(controls["steps"]),
        )


METHOD = IFMDM
