"""Training of AniTalker: its stages, for `facewright train anitalker --stage N`."""

from __future__ import annotations

from ....core.training import Recipe
from ...latent.samples import materials
from .autoencoder import AniTalkerAutoencoder
from .motion import AniTalkerMotionStage
from .presets import AUTOENCODER, MOTION

STAGES = {
    1: Recipe("motion auto-encoder", AUTOENCODER, AniTalkerAutoencoder, materials, begins=True),
    2: Recipe("sound to motion", MOTION, AniTalkerMotionStage, materials),
}
