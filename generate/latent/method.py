"""What a latent-warp method is made of: its auto-encoder, its motion model, and the three calls of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self, cast

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
from ..nets.audio import FRAME, RATE, AudioParams, features, open_features, pieces
from ..nets.latentwarp import LatentWarp, LatentWarpParams, relative_motion
from ..nets.windows import FPS, MotionModel
from .networks import AUTOENCODER, MOTION, installed, load_network
from .portrait import LatentPortrait, prepare, render, still
from .samples import picture, recipe
from .timing import resampled
from .voiced import STYLE_FRAMES, motion_codes

GPU_BATCH = 8
ENCODERS = ("wav2vec2", "hubert")  # imported along with the weights that need them, under a record of their own


def chosen(device: str) -> torch.device:
    """A device by name; "auto" is a GPU where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)


def _noise(params: AudioParams, chunks: Iterable[np.ndarray]) -> Iterator[Tensor]:
    """What an encoder of speech would give, as noise."""
    made = torch.Generator().manual_seed(0)
    hop = FRAME // params.substeps
    for _, _, count in pieces(chunks, RATE, 0, 0):
        yield torch.randn(-(-count // hop), params.layers, params.channels, generator=made)


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
        self.device = chosen(device)
        name, _, stem = (weights or self.card.weights[0]).partition(":")
        held = installed(self.card.name, name)
        self.net = load_network(LatentWarp, held, AUTOENCODER).to(self.device)
        self.model: Any = load_network(self.kind, held, stem or MOTION).to(self.device)
        kind = self.model.params.audio.kind
        encoder = f"{name}-{kind}" if kind in ENCODERS else None
        self.records: tuple[str, ...] = (name, encoder) if encoder else (name,)
        self.ticks = open_features(self.model.params.audio, record(encoder).files[0].path.parent if encoder else None)

    @classmethod
    def untrained(cls, net: LatentWarpParams, motion: Any, device: str = "auto") -> Self:
        """The method with networks of these sizes that have learned nothing: to time them, and for nothing else.

        Encoders of speech that have to be imported are replaced by noise of their form.
        """
        method = cls.__new__(cls)
        method.device, method.records = chosen(device), ()
        method.net = LatentWarp(net).to(method.device).requires_grad_(False).eval()
        method.model = cast(Any, cls.kind)(motion).to(method.device).requires_grad_(False).eval()
        audio = method.model.params.audio
        method.ticks = partial(_noise, audio) if audio.kind in ENCODERS else open_features(audio)
        return method

    def controls(self, state: LatentPortrait, controls: Mapping[str, ControlValue]) -> Any:
        """What the motion model takes, from the card's controls."""
        raise NotImplementedError

    def prepare(self, picture: np.ndarray, face: Face) -> LatentPortrait:
        return prepare(self.net, picture, face, recipe(self.net.params.size), self.device)

    def motion(
        self, state: LatentPortrait, drive: Drive, *, controls: Mapping[str, ControlValue], seed: int, fps: float
    ) -> Iterator[np.ndarray]:
        if drive.kind == "video":
            return self._follow(state, VideoReader(drive.path, fps=fps, seconds=drive.limit))
        asked = self.controls(state, controls)
        if drive.style:
            asked = replace(asked, style=self._manner(drive.style))
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
        start = last = None
        for code in self._seen(chunks):
            if code is not None:
                start = code if start is None else start
                last = still(relative_motion(code, start, state.start.code[None]))
            yield still(state.start.code[None]) if last is None else last
        if start is None:
            raise InputError("no_face", "no face was found in the driving video", "Give a video that shows a face.")

    def _manner(self, path: Path) -> Tensor:
        """Motion codes (m, d) of the first face in a video, as many as a style was learned from."""
        codes = (code for code in self._seen(VideoReader(path, fps=FPS)) if code is not None)
        found = list(islice(codes, STYLE_FRAMES))
        if not found:
            raise InputError("no_face", f"no face was found in {path.name}", "Give a video that shows a face.")
        return torch.cat(found)

    def _seen(self, chunks: Iterable[np.ndarray]) -> Iterator[Tensor | None]:
        """The motion code (1, d) of the largest face of every frame; all faces are cut as the first one."""
        matrix, cut = None, recipe(self.net.params.size)
        with closing(load_backend(video=True)) as finder:
            for frame in (frame for chunk in chunks for frame in chunk):
                face = next(iter(finder.detect(frame)), None)
                if face is None:
                    yield None
                    continue
                matrix = crop_face(frame, face, cut).matrix if matrix is None else matrix
                image = torch.from_numpy(picture(warp(frame, matrix, cut.width_height)))[None].to(self.device)
                yield motion_codes(self.net, image, transform(face.landmarks, matrix)[None])
