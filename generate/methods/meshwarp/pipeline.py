"""`meshwarp` as a method: a photo made ready, motion from a voice or a driving video, frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ....core.errors import UsageError
from ....core.faces import Face, fit_pose, to_head
from ....core.media import VideoReader
from ...drive import Drive
from ...method import ControlValue
from .card import CARD
from .motion import FaceMotion
from .motion_weights import load_motion
from .portrait import Portrait, prepare
from .render import render
from .retarget import video_motion
from .speech import Controls
from .voice import RATE


@dataclass(frozen=True)
class State:
    """A face made ready.

    Attributes:
        portrait: what the renderer needs.
        neutral: float (478, 3), the portrait's own landmarks in head units.
    """

    portrait: Portrait
    neutral: np.ndarray


class Meshwarp:
    """The embedded default. Runs on the CPU whatever `device` says: a warp gains nothing from a GPU."""

    card = CARD

    def __init__(self, device: str = "auto", weights: str | None = None) -> None:
        if weights not in (None, *CARD.weights):
            raise UsageError("unknown_weights", f"meshwarp has no weights {weights!r}", "It runs with its own.")
        self.records = CARD.weights
        self.speech = load_motion()

    def prepare(self, picture: np.ndarray, face: Face) -> State:
        return State(prepare(picture, face), to_head(face.landmarks, fit_pose(face.landmarks)))

    def motion(
        self, state: State, drive: Drive, *, controls: Mapping[str, ControlValue], seed: int, fps: float
    ) -> Iterator[FaceMotion]:
        turned = Controls(**controls)  # pyright: ignore[reportArgumentType]
        if drive.kind == "speech":
            return self.speech.stream(drive.audio(RATE), fps=fps, seed=seed, controls=turned, neutral=state.neutral)
        frames = VideoReader(drive.path, fps=fps, seconds=drive.limit)
        return video_motion(frames, fps=fps, basis=self.speech.basis, neutral=state.neutral, controls=turned)

    def render(self, state: State, motion: FaceMotion) -> np.ndarray:
        return render(state.portrait, motion)


METHOD = Meshwarp
