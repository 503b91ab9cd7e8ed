"""How a method offers a stage: `STAGES = {1: Recipe(…), 2: Recipe(…)}` in its `train.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AssetError, UsageError
from ..progress import Report, silent

if TYPE_CHECKING:
    from .stage import Stage


@dataclass(frozen=True)
class Request:
    """What a user asked a recipe for.

    Attributes:
        data: the index or folder of `--data`.
        out: the folder of `--out`, shared by the stages of a method.
        preset: a frozen dataclass of the recipe's presets, `--steps` already put in.
        seed: of every draw.
        workers: processes that may prepare data at the same time; 0 for none besides this one.
        progress: for what takes long before the first step, such as tracking faces.
        begin: weights to begin from, for methods that can; None: none.
    """

    data: Path
    out: Path
    preset: Any
    seed: int = 0
    workers: int = 0
    progress: Report = silent
    begin: str | None = None

    @property
    def cache(self) -> Path:
        """Folder for what is made once from the data; several stages and runs may share it."""
        return self.out / "cache"

    def result(self, stage: int) -> Path:
        """The folder of weights of an earlier stage of the same `--out`.

        Raises:
            AssetError: `stage_missing`.
        """
        folder = self.out / f"stage-{stage}" / "weights"
        if not (folder / "record.json").is_file():
            message = f"{self.out} holds no finished stage {stage}"
            raise AssetError("stage_missing", message, f"Run the same command with --stage {stage} first.")
        return folder


@dataclass(frozen=True)
class Recipe:
    """One stage of a method, ready to be asked for.

    Attributes:
        title: what is learned, in a few words.
        presets: name → frozen dataclass with at least `steps: int`, `batch: int` and `expect: str` (what it gives, what
            it costs); the first is the default. Its fields stand in options.json: JSON values or nested dataclasses.
        build: request → stage; networks are made here, under a seed that the loop has set.
        materials: request → what would be learned from, for `--dry-run`; quick, and writes nothing.
        begins: whether it can begin from weights.
    """

    title: str
    presets: Mapping[str, Any]
    build: Callable[[Request], Stage]
    materials: Callable[[Request], dict[str, Any]]
    begins: bool = False

    def preset(self, name: str | None) -> tuple[str, Any]:
        """Name and values of a preset.

        Raises:
            UsageError: `unknown_preset`.
        """
        name = name or next(iter(self.presets))
        if name not in self.presets:
            known = ", ".join(self.presets)
            raise UsageError("unknown_preset", f"there is no preset {name!r}", f"Choose one of: {known}.")
        return name, self.presets[name]
