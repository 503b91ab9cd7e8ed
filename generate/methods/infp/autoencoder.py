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
from ...nets.latentwarp import Appearance, LatentWarp, hybrid_picture


class INFPAutoencoder(Autoencoder):
    """Shows the motion encoder hybrid pictures."""

    def __init__(self, request: Request) -> None:
        super().__init__(request, name="infp")

    def extra(self, clip: FaceClip, source: Shot, driving: Shot, random: np.random.Generator) -> dict[str, Any]:
        maps = hybrid_maps(source.landmarks, source.frame.shape[0])
        return hybrid_maps(driving.landmarks, driving.frame.shape[0]) | {f"source_{k}": v for k, v in maps.items()}

    def motion(self, net: LatentWarp, batch: Batch) -> Tensor:
        return net.motion(hybrid_picture(batch["driving"], batch["keep"], batch["outline"]))

    def resting(self, net: LatentWarp, batch: Batch, appearance: Appearance) -> Tensor:
        return net.motion(hybrid_picture(batch["source"], batch["source_keep"], batch["source_outline"]))
