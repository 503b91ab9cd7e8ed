"""A portrait made ready for a latent-warp network, and frames of it from motion codes.

What a network fails to redraw of a portrait at rest – pores and hair it is too small for, the looks of a person it
never met – is not lost: the finest flow carries this difference along, as far as its mask still shows the portrait.
A portrait at rest is therefore shown as it is, at its own resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...core.faces import CropRecipe, Face, crop_face, paste_back, soft_mask
from ...core.faces.crop import transform
from ..nets.latentwarp import Appearance, Decoded, LatentWarp
from ..nets.latentwarp.warp import sample
from ..nets.windows import Start
from .samples import picture, pixels
from .voiced import motion_codes

FEATHER = 0.08  # of the crop's side, over which it fades into the picture
FINEST = 8  # times the network's resolution, at most


@dataclass(frozen=True)
class LatentPortrait:
    """A face made ready.

    Attributes:
        picture: uint8 (H, W, 3), the whole.
        matrix: (2, 3), picture → crop of side n · size.
        mask: float32 (n · size, n · size), how much of a drawn crop is taken.
        appearance: what the network kept of the crop, which it saw at its own size.
        start: its motion code and appearance code.
        missed: (1, 3, n · size, n · size), the crop less what the network draws of it at rest.
        at_rest: what it draws then.
    """

    picture: np.ndarray
    matrix: np.ndarray
    mask: np.ndarray
    appearance: Appearance
    start: Start
    missed: Tensor
    at_rest: Decoded


@torch.inference_mode()
def prepare(net: LatentWarp, image: np.ndarray, face: Face, recipe: CropRecipe, device: torch.device) -> LatentPortrait:
    """Crop the face of `image` uint8 (H, W, 3) as the network learned to see faces, and encode it."""
    crop = crop_face(image, face, recipe)
    size = crop.image.shape[0]
    source = torch.from_numpy(picture(crop.image))[None].to(device)
    appearance = net.encode(source)
    landmarks = transform(face.landmarks, crop.matrix)[None]
    start = Start(motion_codes(net, source, landmarks)[0], appearance.code[0])
    finer = int(np.clip(np.ceil(1 / np.hypot(*crop.matrix[:, 0]) - 0.1), 1, FINEST))
    fine = crop_face(image, face, replace(recipe, size=finer * size))
    at_rest = net.decode_with_flow(appearance, start.code[None])
    missed = torch.from_numpy(picture(fine.image))[None].to(device) - enlarged(at_rest.picture, finer * size)
    mask = soft_mask((finer * size, finer * size), feather=FEATHER * finer * size)
    return LatentPortrait(image, fine.matrix, mask, appearance, start, missed, at_rest)


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
        drawn = net.decode_with_flow(portrait.appearance, torch.from_numpy(filled).to(portrait.missed.device))
        made = pixels(completed(drawn, portrait))
        for number in range(len(part)):
            frames[first + number] = paste_back(portrait.picture, made[number], portrait.matrix, portrait.mask)
    return frames


def completed(drawn: Decoded, portrait: LatentPortrait) -> Tensor:
    """Drawn crops (b, 3, size, size) with what the network missed of the portrait: (b, 3, n · size, n · size)."""
    side = portrait.missed.shape[-1]
    moved = enlarged(drawn.flows[-1] - portrait.at_rest.flows[-1], side)
    seen = (drawn.masks[-1] / portrait.at_rest.masks[-1].clamp_min(1e-3)).clamp(0, 1)
    return enlarged(drawn.picture, side) + sample(portrait.missed, moved, enlarged(seen, side))


def enlarged(maps: Tensor, side: int) -> Tensor:
    """Maps (b, c, h, w) at another side."""
    return F.interpolate(maps, (side, side), mode="bilinear", align_corners=False) if maps.shape[-1] != side else maps


def still(codes: Tensor) -> np.ndarray:
    """Motion codes as they travel between the calls of a method: float32 (n, d) on the CPU."""
    return codes.detach().float().cpu().numpy()
