"""INFP, second stage in training: monologues first, then dialogues (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ....core.errors import UsageError
from ....core.training import Batch, Request
from ...latent.motion_stage import MotionPreset, MotionStage, Piece, normal
from ...latent.voiced import STYLE_FRAMES, Voiced
from .model import INFPMotion


@dataclass(frozen=True)
class InteractivePreset(MotionPreset):
    """And `warm_up`: the share of the steps in which the partner is silent."""

    warm_up: float = 0.5


class INFPMotionStage(MotionStage):
    """Dialogues are made from monologues whose speaker pauses: somebody else's voice stands in for the partner there.

    Recordings of two people would be better, and any index with long pauses of listening teaches listening; from clips
    without pauses this stage learns to speak, and not to be moved by what a partner says.
    """

    kind = INFPMotion
    preset: InteractivePreset

    def __init__(self, request: Request) -> None:
        super().__init__(request, name="infp")

    def fitted(self, clips: list[Voiced]) -> None:
        super().fitted(clips)
        if self.preset.warm_up < 1 and self.preset.model.audio.kind != "phones":
            hint = "Take phones, or monologues alone (warm_up 1)."
            raise UsageError("bad_config", "pauses can be told from phones features only", hint)
        loudness = np.concatenate([_loudness(clip.sound) for clip in clips])
        self.quiet = (np.quantile(loudness, 0.05) + np.quantile(loudness, 0.95)) / 2
        softest = int(np.argmin(loudness))
        self.silence = np.concatenate([clip.sound for clip in clips])[softest]

    def heard(self, piece: Piece, random: np.random.Generator) -> dict[str, Any]:
        agent = piece.clip.sound[piece.new]
        partner = np.broadcast_to(self.silence, agent.shape).copy()
        if piece.behind >= self.preset.warm_up:
            other = piece.clips[random.integers(len(piece.clips))]
            first = int(random.integers(len(other.sound) - self.length))
            pauses = _loudness(agent) < self.quiet
            partner[pauses] = other.sound[first : first + self.length][pauses]
        place = int(random.integers(max(len(piece.clip.codes) - STYLE_FRAMES, 1)))
        return {
            "sound": np.stack([agent, partner], 1),
            "style": piece.clip.codes[place : place + STYLE_FRAMES],
            "noise": normal(random, self.length, self.model.dimension),
        }

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        return self.model.loss(
            batch["codes"], batch["sound"], batch["style"], batch["t"], batch["noise"], self.coin(batch)
        )


def _loudness(sound: np.ndarray) -> np.ndarray:
    """(T,) of sound (T, substeps, layers, channels) as `phones` features have it: their last channel."""
    return sound[..., -1].mean((1, 2))
