"""Presets of INFP's training: values, what they cost, what they give."""

from __future__ import annotations

from dataclasses import replace

from ...latent.presets import autoencoder_presets
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

MOTION = {
    "small": InteractivePreset(
        steps=8000,
        batch=32,
        expect="a small model on phones; not yet run to its end",
        model=SMALL,
        rate=3e-4,
        average=0.999,
        decay=1e-2,
    ),
    "paper": InteractivePreset(
        steps=400_000,
        batch=32,
        expect="sizes and losses of the paper; never run here",
        model=STANDARD,
        warm_up=1.0,  # pauses of a voice are told from phones alone
        decay=1e-2,
    ),
    "toy": InteractivePreset(
        steps=300,
        batch=8,
        expect="a minute of two CPU cores; for tests",
        model=TOY,
        rate=2e-3,
        average=0.98,
        decay=1e-2,
    ),
}
