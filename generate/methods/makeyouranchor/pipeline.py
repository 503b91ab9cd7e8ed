"""Make-Your-Anchor as a method: renders of a mesh become latents, latents frames, and heads are drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from ....core.errors import InputError
from ....core.faces import Face, crop_face, load_backend
from ....core.media import VideoReader
from ....core.random import generator
from ...drive import Drive
from ...latent.networks import installed, load_network
from ...latent.samples import picture as scaled
from ...latent.samples import pixels
from ...method import ControlValue
from ...nets.ldm.vae import VAE
from . import mesh
from .blocks import Block, Person, drawn_size
from .card import CARD
from .denoising import Denoiser, Frame
from .head import Head, recipe
from .model import Control, UNet
from .params import BODY, HEAD, SamplingParams, ScheduleParams, WindowParams
from .pictures import Appearance, Unconditional

GPU_BATCH = 8


class MakeYourAnchor:
    """Needs weights of the person in the picture.

    Args:
        device: "auto", "cpu", "cuda", …
        weights: name of their record.

    Attributes:
        side, head_side: shorter side of what is drawn, and side of a head, in pixels.
    """

    card = CARD
    records: tuple[str, ...]
    finder: ClassVar[str] = "mediapipe"

    def __init__(self, device: str = "auto", weights: str | None = None) -> None:
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        held = installed(CARD.name, weights or CARD.weights[0])
        self.records = (held.name,)

        def load(kind: Any, stem: str) -> Any:
            return load_network(kind, held, stem).to(self.device)

        self.autoencoder = load(VAE, "vae")
        self.appearance, self.nothing = load(Appearance, "image_encoder"), load(Unconditional, "text_encoder").tokens
        self.body = load(UNet, "body-unet"), load(Control, "body-controlnet")
        self.head = load(UNet, "head-unet"), load(Control, "head-controlnet")
        self.side, self.head_side = (nets[0].params.side for nets in (self.body, self.head))
        self.beside = self.body[0].params.beside
        self.stride = self.autoencoder.params.stride
        batch = GPU_BATCH if self.device.type == "cuda" else 1
        self.heads = Head(load_backend(self.finder), self.autoencoder, self.head_side, batch)

    def prepare(self, picture: np.ndarray, face: Face) -> Person:
        height, width = picture.shape[:2]
        head = crop_face(picture, face, recipe(self.head_side)).image
        drawn = drawn_size(height, width, self.side, self.stride * 2 ** (len(self.body[0].params.channels) - 1))
        beside = (self._latent(_resized(picture, drawn)), self._latent(head)) if self.beside else None
        return Person((height, width), drawn, self._tokens(picture), self._tokens(head), beside)

    @torch.inference_mode()
    def motion(
        self, state: Person, drive: Drive, *, controls: Mapping[str, ControlValue], seed: int, fps: float
    ) -> Iterator[Block]:
        """Blocks of finished latents; memory holds steps × window frames of them, whatever the drive's length."""
        chosen = {name: float(value) for name, value in controls.items()}
        steps, window = int(chosen["steps"]), WindowParams(int(chosen["window"]), int(chosen["overlap"]))
        sampling = replace(BODY, steps=steps, guidance=chosen["guidance"], control=chosen["control"], window=window)
        height, width = state.drawn
        start, repainted = self._noise(seed, "body", height, width), (self.head_side, self.head_side)
        frames = (
            Frame(start, torch.from_numpy(render).permute(2, 0, 1).to(self.device), state.beside and state.beside[0])
            for render in self._renders(state, drive, fps)
        )
        drawn = self._denoiser(self.body, state.body, sampling).sample(frames)
        heads = replace(HEAD, steps=steps, guidance=chosen["head_guidance"], window=WindowParams(self.heads.batch, 0))
        noise = self._noise(seed, "head", *repainted)
        while done := list(islice(drawn, window.length)):
            shown = np.stack([frame.control.permute(1, 2, 0).cpu().numpy() for frame in done])
            yield Block(torch.stack([frame.latent for frame in done]), shown, noise, heads)

    @torch.inference_mode()
    def render(self, state: Person, motion: Block) -> np.ndarray:
        frames = [pixels(self.autoencoder.decode(latent[None]))[0] for latent in motion.latents]  # one by one: the same
        denoiser = self._denoiser(self.head, state.head, motion.sampling)  # in every company
        frames = self.heads.repaint(frames, motion.renders, denoiser, motion.noise, state.beside and state.beside[1])
        return np.stack([_resized(frame, state.size) for frame in frames])

    def _renders(self, state: Person, drive: Drive, fps: float) -> Iterator[np.ndarray]:
        """Frames of the drive as large as what is drawn; for weights that want it so, the mesh of the face in them."""
        reader = VideoReader(drive.path, fps=fps, seconds=drive.limit)
        shape, wanted = reader.width / reader.height, state.size[1] / state.size[0]
        if not 0.95 < shape / wanted < 1.05:
            hint = "Crop the picture as the camera of the renders sees the person."
            raise InputError(
                "wrong_shape", f"renders are {shape:.2f} times as wide as high, the picture {wanted:.2f}", hint
            )
        frames = (_resized(frame, state.drawn) for chunk in reader for frame in chunk)
        return self._tracked(frames) if self.body[1].params.tracked else frames

    def _tracked(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        with closing(load_backend(self.finder, video=True)) as finder:
            for frame in frames:
                face = next(iter(finder.detect(frame)), None)
                yield mesh.render(face.landmarks if face else None, *frame.shape[:2])

    @torch.inference_mode()
    def _tokens(self, picture: np.ndarray) -> Tensor:
        seen = self.appearance(torch.from_numpy(scaled(picture))[None].to(self.device))[0]
        return torch.stack([self.nothing, seen])  # 2 n d

    @torch.inference_mode()
    def _latent(self, picture: np.ndarray) -> Tensor:
        return self.autoencoder.encode(torch.from_numpy(scaled(picture))[None].to(self.device))[0]

    def _noise(self, seed: int, name: str, height: int, width: int) -> Tensor:
        shape = (self.autoencoder.params.channels, height // self.stride, width // self.stride)
        drawn = generator(seed, "makeyouranchor", name).standard_normal(shape, np.float32)
        return torch.from_numpy(drawn).to(self.device)

    def _denoiser(self, nets: tuple[UNet, Control], context: Tensor, sampling: SamplingParams) -> Denoiser:
        return Denoiser(*nets, context, DDIMScheduler(**vars(ScheduleParams())), sampling)


def _resized(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = frame.shape[0] > size[0]
    return cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


METHOD = MakeYourAnchor
