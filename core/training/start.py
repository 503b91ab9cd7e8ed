"""From a stage to weights in a run folder, in one go or in many."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from ..atomic import read_json
from ..errors import MachineError
from ..progress import Report, silent
from .folder import claim, held
from .loop import CHECKPOINT, Loop, Options, summary
from .machine import Machine
from .record import RECORD
from .stage import Stage
from .trainer import Trainer


def fit(
    build: Callable[[], Stage],
    folder: Path,
    *,
    identity: Mapping[str, Any],
    options: Options = Options(),  # noqa: B008 – frozen
    command: str | list[str] = "",
    progress: Report = silent,
) -> dict[str, Any]:
    """Train a stage to its end, going on from the folder's checkpoint if there is one.

    Args:
        build: makes the stage; torch is seeded with identity["seed"] (or 0) before.
        folder: of the run, made if need be.
        identity: everything that decides the result, JSON values; a folder that holds another run is refused.
        options: how the run is carried out.
        command: how to do this again, for the record.

    Returns:
        `weights` (folder), `steps`, `seconds`, `metrics`; at once if the run was finished before.

    Raises:
        UsageError: `other_run`.
        AssetError: `bad_run` (a damaged folder), `accelerate_missing`, and what `build` raises.
        MachineError: `not_finite`, `out_of_memory`, `disk_full`, `read_only`, `write_failed`, `busy`, `no_device`.
    """
    machine = Machine(options.device, options.precision)
    with ExitStack() as stack:
        if machine.main:
            stack.enter_context(held(folder))
            begun = (folder / CHECKPOINT).exists() or (folder / "weights" / RECORD).exists()
            claim(folder, {**identity, "precision": options.precision}, begun=begun)
        machine.wait()
        if record := read_json(folder / "weights" / RECORD):
            return summary(folder, record)
        if machine.device.type == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(enabled=True, benchmark=True))
        try:
            with machine.main_first():
                torch.manual_seed(int(identity.get("seed", 0)))
                stage = build()
            command = command if isinstance(command, str) else shlex.join(command)
            return Loop(Trainer(stage, machine), folder, options, command, progress).finish()
        except torch.OutOfMemoryError as error:
            part = options.micro_batch or 0
            hint = f"Pass fewer samples at a time: --micro-batch {part // 2}." if part > 1 else "Use --micro-batch 4."
            raise MachineError("out_of_memory", f"the device's memory is full: {error}", hint) from error
