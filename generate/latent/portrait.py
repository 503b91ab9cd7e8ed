"""A portrait made ready for a latent-warp network, and frames of it from motion codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...core.faces import CropRecipe, Face, crop_face, paste_back, soft_mask
from ...core.faces.crop import transform
from ..nets.latentwarp import Appearance, LatentWarp
from ..nets.windows import Start
from .samples import picture, pixels
from .voiced import motion_codes

FEATHER = 0.08  # of the crop's side, over which it fades into the picture


@dataclass(frozen=True)
class LatentPortrait:
    """A face made ready.

    Attributes:
        picture: uint8 (H, W, 3), the whole.
        matrix: (2, 3), picture → crop.
        mask: float32 (size, size), how much of a drawn crop is taken.
        appearance: what the network kept of the crop.
        start: its motion code and appearance code.
    """

    picture: np.ndarray
    matrix: np.ndarray
    mask: np.ndarray
    appearance: Appearance
    start: Start


@torch.inference_mode()
def prepare(net: LatentWarp, image: np.ndarray, face: Face, recipe: CropRecipe, device: torch.device) -> LatentPortrait:
    """Crop the face of `image` uint8 (H, W, 3) as the network learned to see faces, and encode it."""
    crop = crop_face(image, face, recipe)
    size = crop.image.shape[0]
    source = torch.from_numpy(picture(crop.image))[None].to(device)
    appearance = net.encode(source)
    landmarks = transform(face.landmarks, crop.matrix)[None]
    start = Start(motion_codes(net, source, landmarks)[0], appearance.code[0])
    return LatentPortrait(image, crop.matrix, soft_mask((size, size), feather=FEATHER * size), appearance, start)


@torch.inference_mode()
def render(net: LatentWarp, portrait: LatentPortrait, codes: np.ndarray, batch: int) -> np.ndarray:
    """Frames uint8 (n, H, W, 3) of motion codes float32 (n, d).

    The network always gets `batch` codes at a time, the last ones repeated where there are fewer: kernels may round
    differently for other sizes, and a frame must not depend on how many were asked for with it.
    """
    frames = np.empty((len(codes), *portrait.picture.shape), np.uint8)
    for first in range(0, len(codes), batch):
        part = codes[first : first + batch]
        filled = np.concatenate([part, np.repeat(part[-1:], batch - len(part), 0)])
        made = pixels(net.decode(portrait.appearance, torch.from_numpy(filled).to(portrait.appearance.code.device)))
        for number in range(len(part)):
            frames[first + number] = paste_back(portrait.picture, made[number], portrait.matrix, portrait.mask)
    return frames


def still(codes: Tensor) -> np.ndarray:
    """Motion codes as they travel between the calls of a method: float32 (n, d) on the CPU."""
    return codes.detach().float().cpu().numpy()
