"""INFP as a method: one voice, or the two of a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, repeat, tee

import numpy as np
import torch
from torch import Tensor

from ...drive import DialogueDrive, Drive
from ...latent.method import LatentMethod
from ...latent.portrait import LatentPortrait
from ...method import ControlValue
from ...nets.audio import RATE, features
from .card import CARD
from .model import Controls, INFPMotion

Track = Iterator[np.ndarray]


class INFP(LatentMethod):
    """The motion encoder sees hybrid pictures; without a partner the other track is silent."""

    card, kind = CARD, INFPMotion

    def controls(self, state: LatentPortrait, controls: Mapping[str, ControlValue]) -> Controls:
        return Controls(
            guidance=float(controls["guidance"]),
            past_guidance=float(controls["continuity"]),
            steps=int(controls["steps"]),
        )

    def hear(self, drive: Drive) -> Iterator[Tensor]:
        agent = (np.asarray(chunk) for chunk in drive.audio(RATE))
        other = drive.partner_audio(RATE) if isinstance(drive, DialogueDrive) else iter(())
        substeps = self.model.params.audio.substeps
        tracks = [features(track, self.ticks, substeps) for track in _alongside(agent, other)]
        held = [torch.empty(0), torch.empty(0)]
        for mine, theirs in zip(*tracks, strict=True):
            held = [
                torch.cat([kept, new]) if len(kept) else new for kept, new in zip(held, (mine, theirs), strict=True)
            ]
            count = min(map(len, held))
            yield torch.stack([track[:count] for track in held], 1).to(self.device)
            held = [track[count:] for track in held]


def _alongside(
    agent: Iterator[np.ndarray], other: Iterator[np.ndarray]
) -> tuple[Iterator[np.ndarray], Iterator[np.ndarray]]:
    """Both tracks in chunks of the agent's lengths; the partner's is silent after its end, and cut at the agent's."""
    mine, pace = tee(agent)

    def theirs() -> Iterator[np.ndarray]:
        held = np.zeros(0, np.float32)
        for chunk in pace:
            for more in chain(other, repeat(np.zeros(RATE, np.float32))):
                if len(held) >= len(chunk):
                    break
                held = np.concatenate([held, more])
            yield held[: len(chunk)]
            held = held[len(chunk) :]

    return mine, theirs()


METHOD = INFP
