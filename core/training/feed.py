"""Batches by position: which samples of which step this process takes, made ahead by worker processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..errors import FacewrightError
from .machine import Machine
from .stage import Stage
from .trainer import Part


class _Steps(Dataset):
    """Step number → this process's parts."""

    def __init__(self, stage: Stage, machine: Machine, micro_batch: int | None) -> None:
        self.stage, self.micro_batch = stage, micro_batch
        self.index, self.count = machine.index, machine.count

    def __getitem__(self, step: int) -> list[Part] | FacewrightError:
        try:
            return self._parts(step)
        except FacewrightError as error:  # handed over whole; raised in a worker it would be a RuntimeError
            return error

    def _parts(self, step: int) -> list[Part]:
        size = self.stage.batch_size
        mine = range(step * size + self.index, (step + 1) * size, self.count)
        most = self.micro_batch or len(mine)
        chunks = [mine[start : start + most] for start in range(0, len(mine), most)]
        return [(len(chunk) * self.count / size, self.stage.batch(chunk)) for chunk in chunks]


def feed(
    stage: Stage, machine: Machine, *, start: int, micro_batch: int | None = None, workers: int | None = None
) -> Iterator[list[Part]]:
    """The parts of each step from `start` to the stage's last, on the machine's device.

    Args:
        micro_batch: samples in a part at most.
        workers: processes that draw ahead; None: none on a CPU, whose cores have enough to do, up to 8 beside a GPU.
    """
    cuda = machine.device.type == "cuda"
    if workers is None:
        workers = min(8, len(os.sched_getaffinity(0)) // machine.count) if cuda else 0
    loader = DataLoader(
        _Steps(stage, machine, micro_batch),
        batch_size=None,
        sampler=range(start, stage.steps),
        num_workers=workers,
        collate_fn=_same,
        pin_memory=cuda,
        worker_init_fn=_quiet,
        multiprocessing_context="fork" if workers else None,
    )
    for parts in loader:
        if isinstance(parts, FacewrightError):
            raise parts
        yield [(share, {name: _to(value, machine.device) for name, value in batch.items()}) for share, batch in parts]


def _same(parts: list[Part] | FacewrightError) -> list[Part] | FacewrightError:
    return parts


def _quiet(_: int) -> None:
    """Workers leave signals to the process that they work for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _to(value: Tensor, device: torch.device) -> Tensor:
    return value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
