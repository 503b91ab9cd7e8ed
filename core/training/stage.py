"""What one training stage supplies: networks, data by position, losses, and how to look at them.

A step of the loop is one pass over `Stage.turns`. Each turn sums its losses over the step's samples, and its optimiser
moves its own parameters. Everything random hangs on the seed and a position, never on what ran before, so that a
resumed run, another number of processes or of samples at a time see the same data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..random import generator
from .schedules import Schedule, constant

Batch = dict[str, Tensor]
"""Tensors (b, …) by name, and what earlier turns of the same step left among them for later ones."""

Networks = Mapping[str, nn.Module]


@dataclass(frozen=True)
class Turn:
    """One optimiser's turn within a step.

    Attributes:
        name: "generator", "discriminator", …; part of the names in the log.
        optimiser: over parameters of `Stage.networks`; these alone take gradients in this turn. Turns may share one.
        losses: batch → scalars by name, each a mean over the batch's samples.
        weights: of the losses in the sum that is descended; 1 where not named; 0 logs a figure and does no more.
        schedule: (step, steps) → factor of the optimiser's own rate.
        every: the turn comes at steps that this divides; for lazy regularisation.
        clip: largest norm of the turn's gradients together; None leaves them.
    """

    name: str
    optimiser: torch.optim.Optimizer
    losses: Callable[[Batch], Mapping[str, Tensor]]
    weights: Mapping[str, float] = field(default_factory=dict)
    schedule: Schedule = constant()  # noqa: RUF009 – a pure function
    every: int = 1
    clip: float | None = 1.0


@dataclass(frozen=True)
class Card:
    """What the weight record says of a result besides how it was made; fields of `core.weights.WeightRecord`.

    Attributes:
        licences: `code`, `weights` and `data`, as a mapping or a dataclass.

    Raises:
        ValueError: a licence is missing; better now than after the last step.
    """

    name: str
    architecture: str
    licences: Any
    data: Sequence[Any]

    def __post_init__(self) -> None:
        terms = asdict(self.licences) if is_dataclass(self.licences) else dict(self.licences)  # type: ignore[call-overload]
        if set(terms) != {"code", "weights", "data"}:
            raise ValueError(f"licences of code, weights and data are needed, not of {sorted(terms)}")
        object.__setattr__(self, "licences", terms)


class Stage(ABC):
    """One training stage of a method: a subclass sets the attributes in its `__init__` and writes `draw`.

    Attributes:
        steps: optimiser steps in all.
        batch_size: samples per step, over all processes together.
        seed: of every draw.
        card: for the weight record.
        networks: what is trained and saved, by name.
        frozen: what only helps (a perceptual network, the stage before): moved to the device, in evaluation mode,
            without gradients, not saved.
        turns: optimisers with their losses, in the order of a step.
        averages: network → decay of the exponential moving average of its weights (0.999); these averages are what
            `pictures`, `evaluate` and the final weights see. The decay rises from 0 as (1 + step) / (10 + step).
        store: number format of the final weights; float16, or float32 where that is too coarse.
        look_every: steps between two sample sheets and evaluations; None: ten times in a run.
    """

    steps: int
    batch_size: int
    seed: int
    card: Card
    networks: dict[str, nn.Module]
    turns: Sequence[Turn]
    frozen: Mapping[str, nn.Module] = {}
    averages: Mapping[str, float] = {}
    store: torch.dtype = torch.float16
    look_every: int | None = None

    @abstractmethod
    def draw(self, position: int) -> Mapping[str, Tensor | np.ndarray | float | int]:
        """One sample, a function of (self.seed, position) and nothing else; called in worker processes.

        `position` counts samples from 0: `position // batch_size` is the step. Noise of a diffusion is best drawn here.
        """

    def batch(self, positions: Sequence[int]) -> Batch:
        """Samples stacked; overwrite it where drawing them together is cheaper."""
        batch = torch.utils.data.default_collate([dict(self.draw(position)) for position in positions])
        return {name: x.float() if x.dtype == torch.float64 else x for name, x in batch.items()}

    def random(self, position: int, name: str = "") -> np.random.Generator:
        """The generator that belongs to a position; `name` parts independent draws."""
        return generator(self.seed, type(self).__name__, name, position)

    def pictures(self, networks: Networks) -> np.ndarray | None:
        """A sample sheet, uint8 (rows, columns, H, W, 3); always of the same samples. None: there is nothing to see."""
        return None

    def evaluate(self, networks: Networks) -> Mapping[str, float]:
        """Figures on held-out data; the last ones go into the weight record."""
        return {}

    def weights(self, networks: Networks) -> dict[str, dict[str, Tensor]]:
        """What ships: file stem → tensors by name. One file a network, the averaged ones if there are any.

        The header of a file that is named after a network with a dataclass `params` tells its class and these sizes.
        """
        kept = [name for name in networks if name in self.averages] or list(networks)
        return {name: dict(networks[name].state_dict()) for name in kept}
