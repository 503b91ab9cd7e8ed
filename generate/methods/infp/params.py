"""Sizes of INFP's second stage, two voices → motion codes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...nets.audio import KINDS, AudioParams
from ...nets.diffusion import DiffusionParams
from ...nets.interactive import InteractiveParams
from ...nets.windows import WindowParams


@dataclass(frozen=True)
class MotionParams:
    """The interactive motion model.

    Attributes:
        audio: what it hears of either side; the paper does not name its encoder.
        transformer: memories and blocks.
        motion: d of the motion codes.
        window: new frames of a window, and codes before it that it sees.
        diffusion: noise schedule; the codes have no bound.
        drop_style, drop_guide, drop_past: chances in training that a condition is missing (section 3.4).
    """

    audio: AudioParams = KINDS["wav2vec2"]
    transformer: InteractiveParams = field(default_factory=InteractiveParams)
    motion: int = 512
    window: WindowParams = field(default_factory=lambda: WindowParams(75, 10))
    diffusion: DiffusionParams = field(default_factory=lambda: DiffusionParams(clip=0.0))
    drop_style: float = 0.3
    drop_guide: float = 0.5
    drop_past: float = 0.5
