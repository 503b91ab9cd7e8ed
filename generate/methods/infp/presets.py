"""Presets of INFP's training: values, what they cost, what they give."""

from __future__ import annotations

from dataclasses import replace

from ...latent.presets import autoencoder_presets, motion_presets
from ...nets.audio import KINDS
from ...nets.interactive import InteractiveParams
from ...nets.latentwarp import LatentWarpParams
from ...nets.windows import WindowParams
from .motion import InteractivePreset
from .params import MotionParams

AUTOENCODER = autoencoder_presets(LatentWarpParams(size=512, motion=512, own_motion_encoder=True))

STANDARD = MotionParams(audio=KINDS["wav2vec2"])
SMALL = MotionParams(
    audio=KINDS["phones"], transformer=InteractiveParams(192, 64, 3, 1, 4), motion=20, window=WindowParams(50, 10)
)
TOY = replace(SMALL, transformer=InteractiveParams(64, 16, 2, 1, 2), window=WindowParams(40, 10))

MOTION = motion_presets(InteractivePreset, small=SMALL, paper=STANDARD, compact=SMALL, toy=TOY, batch=32, decay=1e-2)
MOTION["paper"] = replace(MOTION["paper"], warm_up=1.0)  # pauses of a voice are told from phones alone
