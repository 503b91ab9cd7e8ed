"""The loop over steps, with everything that happens between two of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..atomic import read_json
from ..errors import AssetError, UsageError
from ..progress import Progress, Report
from .feed import feed
from .folder import note_start, versions
from .interrupt import Interrupt
from .journal import Journal, Means
from .record import RECORD, write_weights
from .tensors import read_tensors, write_tensors
from .trainer import Trainer

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Options:
    """How a run is carried out; nothing but `precision` changes what it gives.

    Attributes:
        device: "auto", "cpu", "cuda", "cuda:1", …
        precision: "float32", "bfloat16" or "float16".
        micro_batch: samples that pass through the networks together at most; None: a process's whole share.
        workers: processes that draw samples ahead; None: none on a CPU, up to 8 beside a GPU.
        save_seconds: between two checkpoints.
    """

    device: str = "auto"
    precision: str = "float32"
    micro_batch: int | None = None
    workers: int | None = None
    save_seconds: float = 300.0


class Loop:
    """One start of a run, from its checkpoint on."""

    def __init__(self, trainer: Trainer, folder: Path, options: Options, command: str, progress: Report) -> None:
        self.trainer, self.stage, self.machine = trainer, trainer.stage, trainer.machine
        self.folder, self.options, self.command, self.progress = folder, options, command, progress
        self.step, self.seconds, self.metrics, self.means = 0, 0.0, {}, Means()
        if self.stage.batch_size < self.machine.count:
            message = f"{self.machine.count} processes cannot share {self.stage.batch_size} samples"
            raise UsageError("usage", message, "Start fewer processes, or take a preset with a larger batch.")
        self._load()
        self.began = self.saved = time.monotonic()
        self.log_every = min(max(self.stage.steps // 200, 1), 100)
        self.look_every = self.stage.look_every or max(self.stage.steps // 10, 1)
        self.journal = Journal(folder, self.step) if self.machine.main else None
        if self.machine.main:
            note_start(folder, self.step, self.machine.describe())

    def finish(self) -> dict[str, Any]:
        """Take the remaining steps, then write the weights."""
        stage, began = self.stage, self.step
        batches = feed(
            stage, self.machine, start=self.step, micro_batch=self.options.micro_batch, workers=self.options.workers
        )
        if self.machine.main and self.step == 0:
            self._look()  # to compare with later, and to fail now rather than after hours
        with Interrupt() as interrupt:
            for parts in batches:
                figures = self.trainer.step(self.step, parts)
                self.step += 1
                self.means.add(figures)
                if self.machine.main:
                    self._tell(figures)
                stop = self.machine.any(interrupt.asked)
                if self.machine.main and (stop or self._due()):
                    self._save()
                if stop:
                    interrupt.obey()
        if self.machine.main:
            if self.step > began:
                self._save()
            made = {
                "command": self.command,
                "steps": self.step,
                "seconds": round(self._elapsed()),
                **self.machine.describe(),
                "versions": versions(),
            }
            networks = self.trainer.networks()
            write_weights(self.folder / "weights", stage, networks, made=made, metrics=self.metrics)
            if self.journal:
                self.journal.close()
        self.machine.wait()
        return summary(self.folder, read_json(self.folder / "weights" / RECORD))

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.began

    def _due(self) -> bool:
        return time.monotonic() - self.saved >= self.options.save_seconds

    def _tell(self, figures: Mapping[str, float]) -> None:
        """Progress every step, a line of the log and a look at the networks when it is time."""
        steps, last = self.stage.steps, self.step == self.stage.steps
        first = self.stage.turns[0].name
        note = " ".join(f"{name.removeprefix(first + '/')} {value:.3g}" for name, value in list(figures.items())[:3])
        self.progress(Progress("train", self.step, steps, "steps", note))
        assert self.journal
        if self.step % self.log_every == 0 or last:
            self.journal.write(self.step, {**self.means.take(), "seconds": round(self._elapsed(), 1)})
        if self.step % self.look_every == 0 or last:
            self._look()

    @torch.no_grad()
    def _look(self) -> None:
        """Sample sheet and figures, by averaged networks in evaluation mode."""
        assert self.journal
        networks = self.trainer.networks()
        for network in networks.values():
            network.eval()
        with self.machine.autocast():
            if (pictures := self.stage.pictures(networks)) is not None:
                self.journal.show(self.step, pictures)
            self.metrics = {name: float(value) for name, value in self.stage.evaluate(networks).items()}
        if self.metrics:
            self.journal.write(self.step, {f"evaluate/{name}": value for name, value in self.metrics.items()})
        for network in self.stage.networks.values():
            network.train()

    def _save(self) -> None:
        tensors, facts = self.trainer.state()
        facts |= {"step": self.step, "seconds": self._elapsed(), "metrics": self.metrics, "means": self.means.state}
        write_tensors(self.folder / CHECKPOINT, tensors, facts)
        self.saved = time.monotonic()

    def _load(self) -> None:
        if (found := read_tensors(self.folder / CHECKPOINT)) is None:
            return
        tensors, facts = found
        try:
            self.trainer.load(tensors, facts)
        except (KeyError, RuntimeError, ValueError) as error:
            message = f"{self.folder / CHECKPOINT} is of other networks than this version makes: {error}"
            raise AssetError("bad_run", message, "Take another --out.") from error
        self.step, self.seconds, self.metrics = facts["step"], facts["seconds"], facts["metrics"]
        self.means = Means(facts["means"])


def summary(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """What `fit` returns of a finished run."""
    made = record["made"]
    return {
        "weights": str(folder / "weights"),
        "steps": made["steps"],
        "seconds": made["seconds"],
        "metrics": record["metrics"],
    }
