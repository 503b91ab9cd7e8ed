"""Motion for sound of any length: windows at fixed positions, each continuing the codes before it.

Where a window begins depends on nothing but the model, and the noise of a frame on nothing but the seed and the frame,
so that no sample depends on how the sound arrives. Memory holds one window.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...core.random import generator
from .diffusion import Diffusion, DiffusionParams

FPS = 25  # of every motion code


@dataclass(frozen=True)
class WindowParams:
    """How sound is cut.

    Attributes:
        length: new frames of a window.
        context: frames before them that a window sees again.
    """

    length: int
    context: int


@dataclass(frozen=True)
class Window:
    """One window.

    Attributes:
        start: index of its first new frame.
        features: sound (k + count, …), of k ≤ context frames before `start` and the new ones.
        past: codes (context, d) of the frames before `start`; before the first frame stands the portrait's own.
        seen: k.
    """

    start: int
    features: Tensor
    past: Tensor
    seen: int

    @property
    def count(self) -> int:
        """New frames."""
        return len(self.features) - self.seen


@dataclass(frozen=True)
class Start:
    """What a portrait brings: its motion code (d,) and its appearance code (h,)."""

    code: Tensor
    appearance: Tensor


def noise(seed: int, name: str, first: int, count: int, dimension: int) -> Tensor:
    """Standard normal (count, dimension); the row of a frame depends on `seed`, `name` and the frame alone."""
    rows = [generator(seed, name, first + frame).standard_normal(dimension, np.float32) for frame in range(count)]
    return torch.from_numpy(np.stack(rows))


def cut(blocks: Iterable[Tensor], params: WindowParams) -> Iterator[tuple[int, int, Tensor]]:
    """(start, seen, features) of each window, from features (n, …) in blocks of any size; the last may be short."""
    held, start, seen = None, 0, 0
    for block in blocks:
        held = block if held is None else torch.cat([held, block])
        while len(held) - seen >= params.length:
            size = seen + params.length
            yield start, seen, held[:size]
            seen, start = min(size, params.context), start + params.length
            held = held[size - seen :]
    if held is not None and len(held) > seen:
        yield start, seen, held


class MotionModel(nn.Module, ABC):
    """A model of motion codes given sound: what AniTalker, IF-MDM and INFP have in common.

    Features are float32 (frames, sub-steps, layers, channels) as `nets.audio` makes them, 25 frames a second, with one
    more axis in front of the sub-steps where there are two speakers. Inside, codes are at unit size: less `code_mean`,
    over `code_scale`, both (motion,) and of the training data; 0 and 1 until somebody sets them.
    """

    name: ClassVar[str]  # of its noise
    statistics: ClassVar[tuple[str, ...]] = ("code_mean", "code_scale")  # buffers that describe the training data
    code_mean: Tensor
    code_scale: Tensor

    def __init__(self, motion: int, window: WindowParams, diffusion: DiffusionParams) -> None:
        super().__init__()
        self.dimension, self.window, self.diffusion = motion, window, Diffusion(diffusion)
        self.register_buffer("code_mean", torch.zeros(motion))
        self.register_buffer("code_scale", torch.ones(motion))

    @property
    def latency(self) -> float:
        """Seconds of sound that must have been heard before the first frame can be drawn."""
        return self.window.length / FPS

    def unit(self, codes: Tensor) -> Tensor:
        """Motion codes (…, motion) at unit size."""
        return (codes - self.code_mean) / self.code_scale

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What was learned, and the statistics of the training data: both halves of `state_dict()`."""
        whole = self.state_dict()
        statistics = {name: whole.pop(name) for name in self.statistics}
        return whole, statistics

    @abstractmethod
    def draw(self, window: Window, start: Start, noise: Tensor, controls: Any) -> Tensor:
        """Codes (window.count, motion) from noise (window.seen + window.count, motion); all codes at unit size."""

    @torch.inference_mode()
    def stream(
        self, features: Iterable[Tensor], start: Start, *, controls: Any = None, seed: int = 0
    ) -> Iterator[Tensor]:
        """Blocks of motion codes (n, motion), float32; `features` come in blocks of any size.

        Raises:
            UsageError: for controls that this model does not have.
        """
        start = Start(self.unit(start.code), start.appearance)
        past = start.code.expand(self.window.context, -1)
        for first, seen, sound in cut(features, self.window):
            drawn = noise(seed, self.name, first - seen, len(sound), self.dimension).to(past)
            codes = self.draw(Window(first, sound.to(past.device), past, seen), start, drawn, controls)
            past = torch.cat([past, codes])[len(codes) :]
            yield codes * self.code_scale + self.code_mean

    def sample(self, features: Tensor, start: Start, *, controls: Any = None, seed: int = 0) -> Tensor:
        """Motion codes (n, motion) of a whole clip (n, …)."""
        return torch.cat(list(self.stream([features], start, controls=controls, seed=seed)))
