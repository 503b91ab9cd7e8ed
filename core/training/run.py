"""From a recipe and a user's wishes to a run: what `facewright train NAME --stage N` calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..progress import Report, silent
from .folder import fingerprint
from .loop import Options
from .recipe import Recipe, Request
from .start import fit


def train(
    name: str,
    stages: Mapping[int, Recipe],
    number: int,
    data: Path,
    out: Path,
    *,
    preset: str | None = None,
    seed: int = 0,
    steps: int | None = None,
    dry_run: bool = False,
    begin: str | None = None,
    options: Options = Options(),  # noqa: B008 – frozen
    progress: Report = silent,
) -> dict[str, Any]:
    """Train one stage of a method in `out`/stage-NUMBER, going on where a former run stopped.

    Args:
        name: of the method.
        stages: its recipes.
        number: of the stage.
        data: an index, or a folder with MANIFEST.csv.
        out: folder of all stages.
        preset: name of a preset; the recipe's first if None.
        seed: of every draw.
        steps: in place of the preset's.
        dry_run: say what would be learned from, and stop.
        begin: weights to begin from.

    Returns:
        What `fit` returns, or the recipe's materials.

    Raises:
        UsageError: `unknown_stage`, `unknown_preset`; and what `fit` raises.
    """
    if number not in stages:
        known = ", ".join(f"{each} ({recipe.title})" for each, recipe in stages.items())
        raise UsageError("unknown_stage", f"{name} has no stage {number}", f"There are: {known}.")
    recipe = stages[number]
    if begin and not recipe.begins:
        raise UsageError("usage", f"stage {number} of {name} begins from no weights", "Leave --begin away.")
    chosen, values = recipe.preset(preset)
    if steps is not None:
        values = replace(values, steps=steps)
    request = Request(data, out, values, seed, options.workers or 0, progress, begin)
    told = {"stage": f"{number} ({recipe.title})", "preset": chosen}
    if dry_run:
        expect = {"expect": values.expect, "steps": values.steps, "batch": values.batch}
        return told | expect | recipe.materials(request)
    preset_values = {key: value for key, value in asdict(values).items() if key != "expect"}
    identity = {
        "method": name,
        "stage": number,
        "preset": {"name": chosen, **preset_values},
        "seed": seed,
        "data": fingerprint(data),
        **({"begin": begin} if begin else {}),
    }
    command = ["facewright", "train", name, "--stage", str(number), "--data", "DATA", "--out", "OUT"]
    command += ["--preset", chosen, "--seed", str(seed), "--precision", options.precision]
    command += [] if steps is None else ["--steps", str(steps)]
    command += ["--begin", begin] if begin else []
    folder = out / f"stage-{number}"
    result = fit(
        lambda: recipe.build(request), folder, identity=identity, options=options, command=command, progress=progress
    )
    return told | result
