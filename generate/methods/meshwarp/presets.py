"""Named sizes of the training of `meshwarp`, with what to expect of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from .params import VoiceParams


@dataclass(frozen=True)
class VoiceTraining:
    """How `train_voice` runs.

    Attributes:
        utterances: synthetic sentences to learn from, about 8 s each.
        steps: optimiser steps.
        batch: crops per step.
        ticks: length of a crop, 10 ms each.
        rate: highest learning rate of one warm-up and cosine decay.
        real: share of crops from real speech, where there is any; more, and the few minutes of it are learned by heart.
        smoothing: label smoothing; alignments are off by a tick or two, and recognised words may be wrong.
    """

    utterances: int = 500
    steps: int = 1600
    batch: int = 32
    ticks: int = 192
    rate: float = 3e-3
    real: float = 0.4
    smoothing: float = 0.05


@dataclass(frozen=True)
class Preset:
    """One training.

    Attributes:
        voice: size of the network.
        training: how it is trained.
        clips: whether expression and head motion are learned, too; if not, the shipped ones are taken over.
        expect: what it gives, and what it costs.
    """

    voice: VoiceParams = field(default_factory=VoiceParams)
    training: VoiceTraining = field(default_factory=VoiceTraining)
    clips: bool = True
    expect: str = ""


PRESETS = {
    "standard": Preset(expect="the shipped weights; about 15 minutes on two cores"),
    "toy": Preset(
        voice=VoiceParams(width=32, blocks=((1, 3, 3), (2, 4, 2), (4, 5, 1))),
        training=VoiceTraining(utterances=24, steps=60, batch=8, ticks=128, rate=6e-3, real=0.0),
        clips=False,
        expect="a network that tells silence from speech, in half a minute; synthetic speech alone; for tests",
    ),
}
