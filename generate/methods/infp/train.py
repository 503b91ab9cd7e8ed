"""Training of INFP: its stages, for `facewright train infp --stage N`."""

from __future__ import annotations

from ....core.training import Recipe
from ...latent.samples import materials
from .autoencoder import INFPAutoencoder
from .motion import INFPMotionStage
from .presets import AUTOENCODER, MOTION

STAGES = {
    1: Recipe("motion auto-encoder", AUTOENCODER, INFPAutoencoder, materials, begins=True),
    2: Recipe("sound to motion", MOTION, INFPMotionStage, materials),
}
