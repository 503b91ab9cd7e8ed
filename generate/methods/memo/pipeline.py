"""MEMO as a method: a voice becomes clips of the face, which are pasted back into the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....core.faces import Face, crop_face, paste_back, soft_mask
from ....core.random import generator
from ...drive import Drive
from ...latent.networks import installed, load_network
from ...latent.portrait import FEATHER
from ...latent.samples import picture, pixels, recipe
from ...method import ControlValue
from ...nets.audio import RATE
from ...nets.ldm.vae import VAE
from .card import CARD
from .clips import LENGTH, Networks, Sampling, draw
from .hearing import Listener
from .model import DiffusionNet
from .params import NULL
from .projections import AudioProjection, ImageProjection
from .reference import ReferenceNet


@dataclass(frozen=True)
class MemoPortrait:
    """A face made ready.

    Attributes:
        picture: uint8 (H, W, 3), the whole.
        matrix: (2, 3), picture → crop.
        mask: float32 (side, side), how much of a drawn crop is taken.
        latent: of the crop, (1, c, h, w).
    """

    picture: np.ndarray
    matrix: np.ndarray
    mask: np.ndarray
    latent: Tensor


class Memo:
    """Networks of a weight record, and the speech encoder that was imported with them.

    The face tokens are those of an identity that is not known, as the authors take where no face embedding can be had:
    theirs comes from networks that are for non-commercial use. Whose face it is comes from the reference network.

    Args:
        device: "auto", "cpu", "cuda", …
        weights: name of their record.

    Attributes:
        side: of the crop that is drawn, in pixels.
    """

    card, side = CARD, 512

    def __init__(self, device: str = "auto", weights: str | None = None) -> None:
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        name = weights or CARD.weights[0]
        held, encoder = installed(CARD.name, name), installed(CARD.name, f"{name}-wav2vec2")
        self.records = (held.name, encoder.name)

        def load(kind: Any, stem: str) -> Any:
            return load_network(kind, held, stem).to(self.device)

        self.nets = Networks(load(VAE, "vae"), load(ReferenceNet, "reference_net"), load(DiffusionNet, "diffusion_net"))
        self.audio: AudioProjection = load(AudioProjection, "audio_proj")
        image: ImageProjection = load(ImageProjection, "image_proj")
        self.listener = Listener(encoder.files[0].path.parent, self.audio.params)
        with torch.inference_mode():
            self.face = image(torch.zeros(2, image.params.identity, device=self.device))  # 2 k context

    @torch.inference_mode()
    def prepare(self, image: np.ndarray, face: Face) -> MemoPortrait:
        crop = crop_face(image, face, recipe(self.side))
        latent = self.nets.vae.encode(torch.from_numpy(picture(crop.image))[None].to(self.device))
        mask = soft_mask((self.side, self.side), feather=FEATHER * self.side)
        return MemoPortrait(image, crop.matrix, mask, latent)

    def motion(
        self, state: MemoPortrait, drive: Drive, *, controls: Mapping[str, ControlValue], seed: int, fps: float
    ) -> Iterator[np.ndarray]:
        """Clips uint8 (n, side, side, 3), n = 16 but for the last one."""
        emotion = controls["emotion"]
        label = NULL if emotion == "none" else round(float(emotion))
        sampling = Sampling(label, float(controls["guidance"]), int(controls["steps"]))

        def noise(clip: int) -> Tensor:
            channels, height, width = state.latent.shape[1:]
            shape = (channels, LENGTH, height, width)
            return torch.from_numpy(generator(seed, CARD.name, clip).standard_normal(shape, np.float32))

        sound = (self.audio(block.to(self.device)) for block in self.listener(drive.audio(RATE), fps))
        return map(pixels, draw(self.nets, state.latent, self.face, sound, noise, sampling))

    def render(self, state: MemoPortrait, motion: np.ndarray) -> np.ndarray:
        return np.stack([paste_back(state.picture, crop, state.matrix, state.mask) for crop in motion])


METHOD = Memo
