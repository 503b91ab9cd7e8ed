"""Lip sync: in every frame of a video the lower face is drawn anew, to another voice.

What stays as it is enters every step of the diffusion as known latents; the past is what was drawn before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from itertools import islice

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from ....core.faces import crop_face, load_backend, paste_back, soft_mask
from ....core.faces.crop import transform
from ....core.faces.topology import NOSE, OVAL
from ....core.media import VideoReader
from ...drive import LipSyncDrive
from ...latent.samples import picture, recipe
from ...nets.ldm import flow
from ...nets.ldm.vae import VAE
from .clips import LENGTH

FEATHER = 0.04  # of the crop's side, over which the drawn part fades into the frame


@dataclass(frozen=True)
class Dubbed:
    """Frames whose lower face is drawn anew.

    Attributes:
        drawn: uint8 (n, side, side, 3).
        frames: uint8 (n, H, W, 3), of the video.
        matrices: (n, 2, 3), frame → crop.
        masks: float32 (n, side, side), how much of what was drawn is taken.
    """

    drawn: np.ndarray
    frames: np.ndarray
    matrices: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.drawn)

    def __getitem__(self, part: slice) -> Dubbed:
        return Dubbed(*(getattr(self, field.name)[part] for field in fields(self)))

    def pasted(self) -> np.ndarray:
        """Frames uint8 (n, H, W, 3)."""
        parts = zip(self.frames, self.drawn, self.matrices, self.masks, strict=True)
        return np.stack([paste_back(*each) for each in parts])


@dataclass(frozen=True)
class Shot:
    """A frame, the crop of its face and where it lies, and the mask of what is drawn anew."""

    frame: np.ndarray
    crop: np.ndarray
    matrix: np.ndarray
    mask: np.ndarray


class Dubbing:
    """The frames of a video, sixteen at a time, beside what is drawn for them.

    Args:
        drive: names the video.
        size: (height, width) of the frames.
        vae: for crops of its side.
        fps: of the frames.
    """

    def __init__(self, drive: LipSyncDrive, size: tuple[int, int], vae: VAE, device: torch.device, fps: float) -> None:
        self.vae, self.device, self.size = vae, device, size
        self.shots = self._shots(VideoReader(drive.video, fps=fps, seconds=drive.limit))
        self.now: list[Shot] = []

    @torch.inference_mode()
    def known(self, _: int) -> flow.Known:
        """What of the next clip's latents (1, c, 16, h, w) stays as it is; a video that ends stands still."""
        last = self.now[-1:]
        self.now = list(islice(self.shots, LENGTH)) or last
        self.now += self.now[-1:] * (LENGTH - len(self.now))
        crops = (torch.from_numpy(picture(shot.crop))[None].to(self.device) for shot in self.now)
        latents = torch.stack([self.vae.encode(crop)[0] for crop in crops], 1)[None]
        masks = torch.from_numpy(np.stack([shot.mask for shot in self.now])).to(latents)[:, None]
        drawn = F.max_pool2d((masks > 0).to(latents), self.vae.params.stride)  # f 1 h w
        return flow.Known(latents, 1 - drawn.transpose(0, 1)[None])

    def block(self, drawn: np.ndarray) -> Dubbed:
        """What was drawn for the latest clip, with its frames."""
        shots = self.now[: len(drawn)]
        parts = (np.stack([getattr(shot, name) for shot in shots]) for name in ("frame", "matrix", "mask"))
        return Dubbed(drawn, *parts)

    def _shots(self, reader: VideoReader) -> Iterator[Shot]:
        """Frames with their faces; where none is found nothing is drawn."""
        side = self.vae.params.side
        nowhere = np.zeros((side, side), np.float32)
        crop, matrix = np.zeros((side, side, 3), np.uint8), np.eye(2, 3)
        with closing(load_backend(video=True)) as finder:
            for frame in (_resized(frame, self.size) for chunk in reader for frame in chunk):
                face = next(iter(finder.detect(frame)), None)
                mask = nowhere
                if face is not None:
                    found = crop_face(frame, face, recipe(side))
                    crop, matrix = found.image, found.matrix
                    mask = lower_face(transform(face.landmarks, matrix), side)
                yield Shot(frame, crop, matrix, mask)


def lower_face(landmarks: np.ndarray, side: int) -> np.ndarray:
    """Soft mask (side, side) of what is below the nose, of landmarks (478, 2 or 3) in a crop."""
    below = landmarks[NOSE, 1].max()
    outline = landmarks[OVAL, :2]
    points = np.concatenate([outline[outline[:, 1] > below], landmarks[NOSE, :2][landmarks[NOSE, 1] > below - 1]])
    return soft_mask((side, side), feather=FEATHER * side, points=points)


def _resized(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if frame.shape[:2] == size:
        return frame
    shrinks = frame.shape[0] > size[0]
    return cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
