"""AniTalker, first stage: a motion code that does not know whose face moves.

Liu et al. 2024 (arXiv 2405.03121), section 3.2: LIA's reconstruction, an angular-margin loss that gathers identity in
one head, and a bound on the mutual information (CLUB) that drives it out of the other.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ....core.training import Batch, Request, Turn
from ....datasets.crops import FaceClip
from ...latent.autoencoder import Autoencoder
from ...latent.disentangle import AngularMargin, likelihood, mutual_information
from ...latent.jitter import Shot
from ...latent.samples import picture
from ...nets.latentwarp import Appearance, LatentWarp


class AniTalkerAutoencoder(Autoencoder):
    """Adds identity and mutual information to the losses of the family.

    `own` weights of the preset: identity, mutual.
    """

    def __init__(self, request: Request) -> None:
        self.people: list[str] = []
        super().__init__(request, name="anitalker")

    def parameters(self) -> list[nn.Parameter]:
        heads = self.net.heads
        assert heads is not None, "AniTalker's auto-encoder has heads"
        self.heads = heads
        self.people = list(self.crops.identities)
        self.margin = AngularMargin(self.net.params.style, len(self.people))
        self.networks["identity"] = self.margin
        density = list(heads.density.parameters())
        self.density = torch.optim.Adam(density, self.preset.rate)
        ours = [each for each in super().parameters() if not any(each is other for other in density)]
        return ours + list(self.margin.parameters())

    def extra(self, clip: FaceClip, source: Shot, driving: Shot, random: np.random.Generator) -> dict[str, Any]:
        other = int(random.integers(len(clip.frames)))
        person = self.people.index(clip.identity) if clip.identity in self.people else 0
        return {
            "augmented": picture(disguised(driving.frame, random)),
            "face": picture(clip.frames[other]),
            "person": torch.tensor(person),
        }

    def motion(self, net: LatentWarp, batch: Batch) -> Tensor:
        """Motion is read from a picture with other colours, so that colours cannot travel in it."""
        batch["code"] = net.encoder(batch["augmented"] if net.training else batch["driving"])[0]
        return net.motion_of(batch["code"])

    def more(self, batch: Batch, appearance: Appearance, codes: Tensor) -> dict[str, Tensor]:
        identity = self.heads.identity(torch.cat([appearance.code, self.net.encoder(batch["face"])[0]]))
        own, motion = self.heads.identity(batch["code"]), self.heads.motion(batch["code"])
        batch["own"], batch["moved"] = own.detach(), motion.detach()
        return {
            "identity": self.margin(identity, batch["person"].repeat(2)),
            "mutual": mutual_information(self.heads.density(own), motion),
        }

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """The turn of the density: how well identity tells motion, at present."""
        return {"likelihood": likelihood(self.heads.density(batch["own"]), batch["moved"])}

    def build_turns(self) -> list[Turn]:
        return [*super().build_turns(), Turn("density", self.density, self.guess)]


def disguised(frame: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A frame uint8 (h, w, 3) in another light: brightness, contrast, tint, and a little blur."""
    gain = random.uniform(0.7, 1.3) * random.uniform(0.85, 1.15, 3)
    shift = random.uniform(-25, 25)
    changed = np.clip(frame.astype(np.float32) * gain + shift, 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(changed, (0, 0), random.uniform(0.3, 1.2)) if random.random() < 0.5 else changed
