"""What a latent-warp method is made of: its auto-encoder, its motion model, and the three calls of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...core.errors import InputError
from ...core.faces import Face, crop_face, load_backend
from ...core.faces.crop import transform, warp
from ...core.media import VideoReader
from ...core.weights import record
from ..drive import Drive
from ..method import Card, ControlValue
from ..nets.audio import RATE, features, open_features
from ..nets.latentwarp import LatentWarp, relative_motion
from ..nets.windows import FPS, MotionModel
from .networks import AUTOENCODER, MOTION, installed, load_network
from .portrait import LatentPortrait, prepare, render, still
from .samples import picture, recipe
from .timing import resampled
from .voiced import motion_codes

GPU_BATCH = 8
ENCODERS = ("wav2vec2", "hubert")  # imported along with the weights that need them, under a record of their own


class LatentMethod:
    """Base of AniTalker, IF-MDM and INFP; a subclass names its card and its motion model.

    Args:
        device: "auto", "cpu", "cuda", …
        weights: name of their record, `NAME:FILE` where it holds several motion models; the method's own by default.

    Attributes:
        net: the auto-encoder.
        model: sound → motion codes.
        ticks: the model's ear.
    """

    card: ClassVar[Card]
    kind: ClassVar[type[MotionModel]]

    def __init__(self, device: str = "auto", weights: str | None = None) -> None:
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        name, _, stem = (weights or self.card.weights[0]).partition(":")
        held = installed(self.card.name, name)
        self.net = load_network(LatentWarp, held, AUTOENCODER).to(self.device)
        self.model: Any = load_network(self.kind, held, stem or MOTION).to(self.device)
        kind = self.model.params.audio.kind
        encoder = f"{name}-{kind}" if kind in ENCODERS else None
        self.records = (name, encoder) if encoder else (name,)
        self.ticks = open_features(self.model.params.audio, record(encoder).files[0].path.parent if encoder else None)

    def controls(self, state: LatentPortrait, controls: Mapping[str, ControlValue]) -> Any:
        """What the motion model takes, from the card's controls."""
        raise NotImplementedError

    def prepare(self, image: np.ndarray, face: Face) -> LatentPortrait:
        return prepare(self.net, image, face, recipe(self.net.params.size), self.device)

    def motion(
        self, state: LatentPortrait, drive: Drive, *, controls: Mapping[str, ControlValue], seed: int, fps: float
    ) -> Iterator[np.ndarray]:
        if drive.kind == "video":
            return self._follow(state, VideoReader(drive.path, fps=fps, seconds=drive.limit))
        asked = self.controls(state, controls)
        blocks = self.model.stream(self.hear(drive), state.start, controls=asked, seed=seed)
        return resampled(map(still, blocks), FPS, fps)

    def render(self, state: LatentPortrait, motion: np.ndarray) -> np.ndarray:
        return render(self.net, state, motion, GPU_BATCH if self.device.type == "cuda" else 1)

    def hear(self, drive: Drive) -> Iterator[Tensor]:
        """The sound of a drive as the model hears it, frame by frame."""
        heard = features(drive.audio(RATE), self.ticks, self.model.params.audio.substeps)
        return (block.to(self.device) for block in heard)

    def _follow(self, state: LatentPortrait, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Motion codes of a driving video, as changes since its first face; where none is found, the last one stays."""
        matrix = start = last = None
        cut = recipe(self.net.params.size)
        with closing(load_backend(video=True)) as finder:
            for frame in (frame for chunk in chunks for frame in chunk):
                face = next(iter(finder.detect(frame)), None)
                if face is not None:
                    matrix = crop_face(frame, face, cut).matrix if matrix is None else matrix
                    image = torch.from_numpy(picture(warp(frame, matrix, cut.width_height)))[None].to(self.device)
                    code = motion_codes(self.net, image, transform(face.landmarks, matrix)[None])
                    start = code if start is None else start
                    last = still(relative_motion(code, start, state.start.code[None]))
                yield still(state.start.code[None]) if last is None else last
        if matrix is None:
            raise InputError("no_face", "no face was found in the driving video", "Give a video that shows a face.")
