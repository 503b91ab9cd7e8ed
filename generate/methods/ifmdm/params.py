"""Sizes of IF-MDM's second stage, sound → motion codes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...nets.audio import KINDS, AudioParams
from ...nets.diffusion import DiffusionParams
from ...nets.dit import DiTParams
from ...nets.windows import WindowParams


@dataclass(frozen=True)
class MotionParams:
    """The motion diffusion model; the defaults are the official DiT-A0.

    Attributes:
        audio: what it hears.
        transformer: its blocks.
        motion: d of the motion codes.
        window: frames of a window, always the same; the code of the frame before it is given.
        diffusion: noise schedule.
        dropped: chance in training that a condition is missing.
    """

    audio: AudioParams = KINDS["wav2vec2"]
    transformer: DiTParams = field(default_factory=DiTParams)
    motion: int = 20
    window: WindowParams = field(default_factory=lambda: WindowParams(64, 1))
    diffusion: DiffusionParams = field(default_factory=lambda: DiffusionParams(learned_variance=True))
    dropped: float = 0.3


OFFICIAL = {  # by name: the blocks of the official models
    "DiT-A0": DiTParams(512, 6, 8),
    "DiT-A1": DiTParams(512, 12, 16),
    "DiT-A2": DiTParams(1024, 24, 16),
}
