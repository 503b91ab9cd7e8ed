"""Training of IF-MDM: its stages, for `facewright train ifmdm --stage N`."""

from __future__ import annotations

from ....core.training import Recipe
from ...latent.samples import materials
from .autoencoder import IFMDMAutoencoder
from .motion import IFMDMMotionStage
from .presets import AUTOENCODER, MOTION

STAGES = {
    1: Recipe("motion auto-encoder", AUTOENCODER, IFMDMAutoencoder, materials, begins=True),
    2: Recipe("sound to motion", MOTION, IFMDMMotionStage, materials),
}
