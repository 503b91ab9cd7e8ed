"""Presets of IF-MDM's training: values, what they cost, what they give."""

from __future__ import annotations

from dataclasses import replace

from ...latent.motion_stage import MotionPreset
from ...latent.presets import autoencoder_presets, motion_presets
from ...nets.audio import KINDS
from ...nets.dit import DiTParams
from ...nets.latentwarp import LatentWarpParams
from ...nets.windows import WindowParams
from .params import MotionParams

AUTOENCODER = autoencoder_presets(LatentWarpParams(size=512, motion=100, tanh=True, fill=True))

STANDARD = MotionParams(audio=KINDS["wav2vec2"], motion=100)
SMALL = MotionParams(audio=KINDS["phones"], transformer=DiTParams(192, 4, 4), motion=20)
TOY = replace(SMALL, transformer=DiTParams(64, 2, 2), window=WindowParams(40, 1))

MOTION = motion_presets(MotionPreset, small=SMALL, paper=STANDARD, compact=SMALL, toy=TOY, batch=128)
