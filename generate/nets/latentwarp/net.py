"""The auto-encoder as methods use it: encode a portrait once, read motion codes, decode frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .decoder import Canvas, Decoder
from .encoder import Encoder, Heads, MotionHead
from .params import LatentWarpParams


@dataclass(frozen=True)
class Appearance:
    """What a portrait looks like, without motion code.

    Attributes:
        code: (b, style).
        maps: feature maps, (b, c, 8, 8) first, (b, c, size, size) last.
    """

    code: Tensor
    maps: list[Tensor]


@dataclass(frozen=True)
class Decoded:
    """A frame and how it came about, scale by scale from 8 × 8 to the full size.

    Attributes:
        picture: (b, 3, size, size).
        flows: (b, 2, r, r), right and down, of the point a pixel is read from; 2 is the picture's side.
        masks: (b, 1, r, r), one where the warped portrait is taken.
    """

    picture: Tensor
    flows: list[Tensor]
    masks: list[Tensor]


class LatentWarp(nn.Module):
    """A portrait warped by motion codes (Wang et al. 2022, "Latent Image Animator").

    Pictures are (b, 3, size, size) in [-1, 1], motion codes (b, motion). A portrait of batch 1
    serves motion codes of any batch.
    """

    def __init__(self, params: LatentWarpParams) -> None:
        super().__init__()
        self.params = params
        self.encoder = Encoder(params)
        self.motion_encoder = Encoder(params) if params.own_motion_encoder else None
        self.heads = Heads(params.style) if params.decouple else None
        self.motion_head = MotionHead(params)
        self.directions = nn.Parameter(torch.randn(params.style, params.motion))
        self.decoder = Decoder(params)

    def encode(self, picture: Tensor) -> Appearance:
        """The portrait, ready to be warped."""
        return Appearance(*self.encoder(_laid(picture)))

    def motion(self, picture: Tensor) -> Tensor:
        """The motion code of a picture; with `own_motion_encoder`, of a hybrid picture (`hybrid_picture`)."""
        encoder = self.motion_encoder or self.encoder
        return self.motion_of(encoder(_laid(picture))[0])

    def motion_of(self, code: Tensor) -> Tensor:
        """The motion code that belongs to a code (b, style) of the encoder that reads motion."""
        return self.motion_head(code if self.heads is None else self.heads.motion(code))

    def basis(self) -> Tensor:
        """The orthonormal directions Q (style, motion) by QR decomposition (LIA, equation 4)."""
        return torch.linalg.qr(self.directions.float() + 1e-8).Q

    def style(self, code: Tensor, motion: Tensor) -> Tensor:
        """Where a motion code leads from an appearance code: h + Q α, (b, style)."""
        return code + motion @ self.basis().T.to(motion.dtype)

    def draw(self, appearance: Appearance, motion: Tensor) -> Iterator[Canvas]:
        """The canvas of every scale, 8 × 8 first; the last one holds the frames."""
        return self.decoder(self.style(appearance.code, motion), appearance.maps)

    def decode(self, appearance: Appearance, motion: Tensor) -> Tensor:
        """Frames (b, 3, size, size), about [-1, 1]."""
        return deque(self.draw(appearance, motion), maxlen=1).pop().picture

    def decode_with_flow(self, appearance: Appearance, motion: Tensor) -> Decoded:
        """Frames with the flows and masks that made them, for losses on the flow itself."""
        canvases = list(self.draw(appearance, motion))
        flows, masks = [canvas.flow for canvas in canvases], [canvas.mask for canvas in canvases]
        return Decoded(canvases[-1].picture, flows, masks)


def relative_motion(target: Tensor, start: Tensor, source: Tensor) -> Tensor:
    """The portrait's motion code moved as the driver has moved since its first frame: source + (target - start).

    Directions are linear, so this is LIA's and IF-MDM's relative form h + (D target - D start) + D source.
    """
    return source + (target - start)


def _laid(picture: Tensor) -> Tensor:
    return picture.contiguous(memory_format=torch.channels_last)
