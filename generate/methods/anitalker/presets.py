"""Presets of AniTalker's training: values, what they cost, what they give."""

from __future__ import annotations

from dataclasses import replace

from ...latent.motion_stage import MotionPreset
from ...latent.presets import autoencoder_presets, motion_presets
from ...nets.audio import KINDS
from ...nets.conformer import ConformerParams
from ...nets.latentwarp import LatentWarpParams
from ...nets.windows import WindowParams
from .params import MotionParams

AUTOENCODER = autoencoder_presets(
    LatentWarpParams(size=256, motion=20, hal=True, decouple=True), own={"identity": 0.1, "mutual": 0.1}
)

STANDARD = MotionParams(audio=KINDS["hubert"])
SMALL = MotionParams(
    audio=KINDS["phones"],
    speech=ConformerParams(128, 2),
    decoder_depth=2,
    projection=32,
    adapter=32,
    motion=20,
    appearance=256,
    window=WindowParams(60, 15),
    time_unit=1000,
)
TOY = replace(
    SMALL, speech=ConformerParams(32, 1, dropout=0.0), projection=16, appearance=64, window=WindowParams(40, 0)
)

MOTION = motion_presets(
    MotionPreset, small=SMALL, paper=STANDARD, compact=replace(SMALL, appearance=128), toy=TOY, batch=128
)
