"""INFP, first stage: motion read from eyes, lips and an outline alone, so that no appearance can travel in its code.

Zhu et al., CVPR 2025 (arXiv 2412.04037), section 3.2; reconstruction, perceptual and adversarial losses of the family.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ....core.training import Batch, Request
from ....datasets.crops import FaceClip
from ...latent.autoencoder import Autoencoder
from ...latent.hybrid import hybrid_maps
from ...latent.jitter import Shot
from ...nets.latentwarp import LatentWarp, hybrid_picture


class INFPAutoencoder(Autoencoder):
    """Shows the motion encoder hybrid pictures."""

    def __init__(self, request: Request) -> None:
        super().__init__(request, name="infp")

    def extra(self, clip: FaceClip, driving: Shot, random: np.random.Generator) -> dict[str, Any]:
        return hybrid_maps(driving.landmarks, driving.frame.shape[0])

    def motion(self, net: LatentWarp, batch: Batch) -> Tensor:
        return net.motion(hybrid_picture(batch["driving"], batch["keep"], batch["outline"]))
