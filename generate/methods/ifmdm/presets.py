"""Presets of IF-MDM's training: values, what they cost, what they give."""

from __future__ import annotations

from dataclasses import replace

from ...latent.motion_stage import MotionPreset
from ...latent.presets import autoencoder_presets
from ...nets.audio import KINDS
from ...nets.dit import DiTParams
from ...nets.latentwarp import LatentWarpParams
from ...nets.windows import WindowParams
from .params import MotionParams

AUTOENCODER = autoencoder_presets(LatentWarpParams(size=512, motion=100, tanh=True, fill=True))

STANDARD = MotionParams(audio=KINDS["wav2vec2"], motion=100)
SMALL = MotionParams(audio=KINDS["phones"], transformer=DiTParams(192, 4, 4), motion=20)
TOY = replace(SMALL, transformer=DiTParams(64, 2, 2), window=WindowParams(40, 1))

MOTION = {
    "small": MotionPreset(
        steps=8000,
        batch=32,
        expect="a small model on phones; not yet run to its end",
        model=SMALL,
        rate=3e-4,
        average=0.999,
    ),
    "paper": MotionPreset(
        steps=400_000,
        batch=128,
        expect="sizes and losses of the paper; never run here",
        model=STANDARD,
    ),
    "toy": MotionPreset(
        steps=300, batch=8, expect="a minute of two CPU cores; for tests", model=TOY, rate=2e-3, average=0.98
    ),
}
