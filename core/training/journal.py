"""What a run tells while it goes: JSON lines, TensorBoard where it is installed, sample sheets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import telling, writing


class Journal:
    """log.jsonl, tensorboard/ and samples/ of a run folder.

    Args:
        folder: of the run.
        step: the step that the run goes on from; later lines, of work that was lost, are taken out; 0 begins anew.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path, self.samples = folder / "log.jsonl", folder / "samples"
        lines = self.path.read_text("utf-8").splitlines(True) if step and self.path.exists() else []
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        with writing(self.path) as part:
            part.write_text("".join(kept), "utf-8")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self._board: Any = None
        else:
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """One line of figures after `step` steps."""
        with telling(self.path), self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": step, **figures}) + "\n")
        if self._board:
            for name, value in figures.items():
                self._board.add_scalar(name, value, step)

    def show(self, step: int, pictures: np.ndarray) -> None:
        """A sample sheet, uint8 (rows, columns, H, W, 3), as one PNG."""
        from PIL import Image

        sheet = np.asarray(pictures)
        rows, columns, height, width, _ = sheet.shape
        sheet = sheet.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
        self.samples.mkdir(exist_ok=True)
        with writing(self.samples / f"{step:06d}.png") as part:
            Image.fromarray(sheet).save(part, "PNG")
        if self._board:
            self._board.add_image("samples", sheet, step, dataformats="HWC")

    def close(self) -> None:
        if self._board:
            self._board.close()


class Means:
    """Running means of figures between two lines of the log; part of a checkpoint, so that no line depends on it."""

    def __init__(self, state: Mapping[str, list[float]] | None = None) -> None:
        self.state = {name: list(entry) for name, entry in (state or {}).items()}

    def add(self, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            entry = self.state.setdefault(name, [0.0, 0])
            entry[0] += value
            entry[1] += 1

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        found = {name: total / count for name, (total, count) in self.state.items()}
        self.state = {}
        return found
