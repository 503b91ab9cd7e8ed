"""The second pass: the head of a finished frame drawn again, larger, and pasted back.

Huang et al., "Make-Your-Anchor", CVPR 2024 (arXiv 2403.16510), section 3.4. The denoiser repaints: beside the noisy
latent it sees which part is asked for and the latent of the rest (nine channels), the ControlNet sees the noise alone.
The authors crop by the alignment of FFHQ and mask by face parsing; here both follow from the landmarks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ....core.faces import CropRecipe, Face, crop_face, paste_back, soft_mask
from ....core.faces.crop import transform, warp
from ....core.faces.face import FaceBackend
from ....core.faces.topology import OVAL
from ...latent.samples import picture, pixels
from ...nets.ldm.vae import VAE
from .denoising import Denoiser, Frame

FEATHER = 0.06  # of the crop's side, over which it fades into the frame
GROWN = 3  # pixels of the square by which the mask is dilated


def recipe(side: int) -> CropRecipe:
    """How a head is cut out: upright, with hair and chin."""
    return CropRecipe(side, margin=0.4, shift_up=0.1, level=True)


@dataclass(frozen=True)
class Cut:
    """A head of a frame: its crop, the mesh in the same place, what is asked for, and how much of it is taken."""

    crop: np.ndarray
    matrix: np.ndarray
    render: np.ndarray
    asked: np.ndarray
    share: np.ndarray


def cut_out(frame: np.ndarray, render: np.ndarray, face: Face, side: int) -> Cut:
    """The head of a frame uint8 (h, w, 3), and the same place of its render."""
    crop, size = crop_face(frame, face, recipe(side)), (side, side)
    outline = transform(face.landmarks[OVAL], crop.matrix)
    asked = (soft_mask(size, feather=1, points=outline) > 0).astype(np.uint8)
    asked = cv2.dilate(asked, np.ones((GROWN, GROWN), np.uint8))
    share = soft_mask(size, feather=FEATHER * side) * cv2.GaussianBlur(
        asked.astype(np.float32), (0, 0), FEATHER * side / 3
    )
    return Cut(crop.image, crop.matrix, warp(render, crop.matrix, size), asked, share)


@dataclass(frozen=True)
class Head:
    """Repaints heads.

    Attributes:
        finder: of faces.
        autoencoder: of latents.
        side: of the crop, in pixels.
        batch: frames at a time; always as many, for kernels may round differently for other numbers.
    """

    finder: FaceBackend
    autoencoder: VAE
    side: int
    batch: int

    @torch.inference_mode()
    def repaint(
        self,
        frames: Sequence[np.ndarray],
        renders: Iterable[np.ndarray],
        denoiser: Denoiser,
        noise: Tensor,
        beside: Tensor | None = None,
    ) -> list[np.ndarray]:
        """Frames uint8 (h, w, 3), with the heads that are found in them drawn again.

        Args:
            renders: of the mesh, each as large as its frame.
            noise: (4, side / 8, side / 8), the same for all frames.
            beside: latent of the picture's head (4, side / 8, side / 8), for networks that see it.
        """
        found = [next(iter(self.finder.detect(frame)), None) for frame in frames]
        cuts = {
            number: cut_out(frame, render, face, self.side)
            for number, (frame, render, face) in enumerate(zip(frames, renders, found, strict=True))
            if face
        }
        made, numbers = list(frames), list(cuts)
        for first in range(0, len(numbers), self.batch):
            now = numbers[first : first + self.batch]
            filled = [cuts[number] for number in (now + now[-1:] * self.batch)[: self.batch]]
            for number, patch in zip(now, self._drawn(filled, denoiser, noise, beside), strict=False):
                cut = cuts[number]
                made[number] = paste_back(frames[number], patch, cut.matrix, cut.share)
        return made

    def _drawn(self, cuts: Sequence[Cut], denoiser: Denoiser, noise: Tensor, beside: Tensor | None) -> np.ndarray:
        """Crops uint8 (n, side, side, 3)."""
        crops = torch.from_numpy(np.stack([picture(cut.crop) for cut in cuts])).to(noise.device)
        asked = torch.from_numpy(np.stack([cut.asked for cut in cuts]))[:, None].to(crops)  # n 1 h w
        kept = self.autoencoder.encode(crops * (asked < 0.5))
        seen = [] if beside is None else [beside.expand(len(crops), -1, -1, -1)]
        known = torch.cat([functional.interpolate(asked, kept.shape[-2:]), kept, *seen], 1)  # n 5 h/8 w/8
        controls = [torch.from_numpy(cut.render).permute(2, 0, 1).to(noise.device) for cut in cuts]
        frames = (Frame(noise, control, each) for control, each in zip(controls, known, strict=True))
        latents = torch.stack([frame.latent for frame in denoiser.sample(frames)])
        return pixels(self.autoencoder.decode(latents))
