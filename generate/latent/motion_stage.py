"""Second stage of the latent-warp methods: motion codes from sound, by diffusion over windows of clips."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from ...core.training import Batch, Card, Networks, Request, Stage, Turn, constant, cosine
from ...core.weights import read_record
from ..nets.latentwarp import LatentWarp
from ..nets.windows import MotionModel, Start
from .networks import AUTOENCODER, MOTION, load_network
from .samples import LICENCES, crops
from .voiced import Voiced, voiced_clips

HELD_OUT = 32  # windows of the evaluation


@dataclass(frozen=True)
class MotionPreset:
    """How a second stage is trained.

    Attributes:
        steps, batch, expect: as every preset.
        model: the model's own parameters.
        rate: learning rate of AdamW.
        falling: whether it falls to nothing, by half a cosine; else it stays.
        decay: its weight decay.
        average: decay of the moving average of the weights.
    """

    steps: int
    batch: int
    expect: str
    model: Any
    rate: float = 1e-4
    falling: bool = False
    decay: float = 0.0
    average: float = 0.9999


@dataclass(frozen=True)
class Piece:
    """A window of a clip, as a method asks about it.

    Attributes:
        clip: the clip.
        rows: the window's frames, context first; `new` are those behind the context.
        clips: all clips, for voices and manners of others.
        behind: share of the training that is over, for curricula.
    """

    clip: Voiced
    rows: slice
    new: slice
    clips: list[Voiced]
    behind: float


class MotionStage(Stage):
    """Trains the `MotionModel` of a preset on clips encoded by the first stage; a method says how it is asked.

    Attributes:
        context: frames of codes before a window that the model is given.
    """

    kind: ClassVar[type[MotionModel]]
    context: int

    def __init__(self, request: Request, *, name: str) -> None:
        preset: MotionPreset = request.preset
        self.preset, self.steps, self.batch_size, self.seed = preset, preset.steps, preset.batch, request.seed
        net = load_network(LatentWarp, read_record(request.result(1) / "record.json"), AUTOENCODER)
        self.model: Any = cast(Any, self.kind)(preset.model)
        self.length = self.model.window.length
        self.context = self.model.window.context
        shortest = self.length + self.context + 1
        parts = crops(request, net.params.size)
        self.clips, self.unseen = (
            voiced_clips(
                part.clips, net, preset.model.audio, request.cache, shortest=shortest, progress=request.progress
            )
            for part in parts
        )
        self.networks = {MOTION: self.model}
        self.averages = {MOTION: preset.average}
        self.fitted(self.clips)
        adam = torch.optim.AdamW(self.model.parameters(), preset.rate, weight_decay=preset.decay)
        self.turns = [Turn("motion", adam, self.losses, schedule=cosine(100) if preset.falling else constant(100))]
        count = sum(each.numel() for each in self.model.parameters())
        self.card = Card(
            name=name,
            architecture=f"{type(self.model).__name__}, {count:,} parameters, on {preset.model.audio.kind}",
            licences=LICENCES,
            data=parts[0].sources(),
        )

    def fitted(self, clips: list[Voiced]) -> None:
        """Set what the model knows of its data besides its weights: where codes lie, and how far they spread.

        Sampling that is bounded must reach nearly all codes; else the unit is their deviation.
        """
        codes = torch.from_numpy(np.concatenate([clip.codes for clip in clips]))
        bound = self.preset.model.diffusion.clip
        mean = codes.mean(0)
        spread = (codes - mean).abs().quantile(0.999, 0) / bound if bound else codes.std(0)
        self.model.code_mean.copy_(mean)
        self.model.code_scale.copy_(spread.clamp_min(1e-4))

    def draw(self, position: int) -> dict[str, Any]:
        return self.window(self.clips, self.random(position), position / (self.batch_size * self.steps))

    def window(self, clips: list[Voiced], random: np.random.Generator, behind: float) -> dict[str, Any]:
        """A window of a clip: codes (context + n, d), sound (n, …), a start from anywhere in the clip, t and noise.

        Args:
            behind: share of the training that is over, for curricula.
        """
        total = self.context + self.length
        weights = np.array([len(clip.codes) - total for clip in clips], float)
        clip = clips[random.choice(len(clips), p=weights / weights.sum())]
        first = int(random.integers(len(clip.codes) - total))
        rows, new = slice(first, first + total), slice(first + self.context, first + total)
        start = int(random.integers(len(clip.codes)))
        drawn = {
            "codes": clip.codes[rows],
            "start_code": clip.codes[start],
            "start_appearance": clip.appearance[start],
            "t": int(random.integers(self.preset.model.diffusion.steps)),
            "coin": int(random.integers(2**31)),
        }
        return drawn | self.heard(Piece(clip, rows, new, clips, behind), random)

    @abstractmethod
    def heard(self, piece: Piece, random: np.random.Generator) -> dict[str, Any]:
        """`sound`, `noise` and whatever else the model is told of a window."""

    @abstractmethod
    def losses(self, batch: Batch) -> Mapping[str, Tensor]: ...

    @staticmethod
    def start(batch: Batch) -> Start:
        return Start(batch["start_code"], batch["start_appearance"])

    def coin(self, batch: Batch) -> torch.Generator:
        """The generator of what is dropped: it follows from the samples, not from what ran before."""
        return torch.Generator().manual_seed(int(batch["coin"].sum().item()) % 2**31)

    def evaluate(self, networks: Networks) -> dict[str, float]:
        """The loss on windows of people that were not learned from."""
        kept, self.model = self.model, networks[MOTION]  # type: ignore[assignment]
        try:
            totals: dict[str, list[float]] = {}
            device = next(self.model.parameters()).device
            for number in range(HELD_OUT):
                sample = self.window(self.unseen, self.random(number, "held out"), 1.0)
                batch = {name: torch.as_tensor(value)[None].to(device) for name, value in sample.items()}
                for name, value in self.losses(batch).items():
                    totals.setdefault(name, []).append(value.item())
        finally:
            self.model = kept
        return {f"unseen_{name}": float(np.mean(values)) for name, values in totals.items()}


def normal(random: np.random.Generator, length: int, dimension: int) -> np.ndarray:
    """Noise float32 (length, dimension)."""
    return random.standard_normal((length, dimension), np.float32)
