"""`facewright train`: make the weights of a method or a detector again, from data of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..core.errors import InputError, UsageError
from ..core.progress import Report
from ..generate.methods import registry
from .progress import progress
from .session import Answer, Session
from .verb import Verb, option

DETECTORS = ("residual",)


@click.command(
    cls=Verb,
    example="""
facewright train meshwarp --data data --out runs/001 --dry-run
facewright train meshwarp --data data --out runs/001
facewright train residual --data corpus/index.csv --out runs/002
""",
)
@click.argument("name", type=click.Choice([*registry.NAMES, *DETECTORS]))
@option("--data", metavar="PATH", type=click.Path(path_type=Path), required=True, help="What to learn from.")
@option("--out", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Folder for weights and record.")
@option("--preset", help="A named size of the training; the standard one if not said.")
@option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@option("--dry-run", is_flag=True, help="Say what would be learned from, and stop.")
@click.pass_context
def train(ctx: click.Context, name: str, data: Path, out: Path, preset: str | None, seed: int, dry_run: bool) -> Answer:
    """Train a method or a detector on data of your own.

    A method learns from a folder with MANIFEST.csv, the detector from an index of genuine and synthetic clips. What a
    former run has finished in --out is kept.
    """
    if not data.exists():
        raise InputError("data_missing", f"there is nothing at {data}", "Name what to learn from with --data.")
    run = registry.trainer(name) if name in registry.NAMES else _train_detector
    with progress(ctx.ensure_object(Session)) as report:
        result = run(data, out, preset=preset, seed=seed, dry_run=dry_run, progress=report)
    lines = [f"{field.replace('_', ' ')}: {value}" for field, value in result.items()]
    return Answer(result, "\n".join([*lines, *(["nothing was trained (--dry-run)"] if dry_run else [])]))


def _train_detector(
    data: Path, out: Path, *, preset: str | None, seed: int, dry_run: bool, progress: Report
) -> dict[str, Any]:
    from ..datasets.index import groups, read_index
    from ..detect.training import train_detector

    if preset:
        raise UsageError("unknown_preset", "the detector has no presets", "Leave --preset away.")
    if dry_run:
        entries = read_index(data)
        synthetic = sum(entry.synthetic for entry in entries)
        people = len(set(groups(entries)))
        return {"genuine": len(entries) - synthetic, "synthetic": synthetic, "people_and_sources": people}
    command = f"facewright train residual --data INDEX --out DIR --seed {seed}"
    return train_detector(data, out, seed=seed, command=command, progress=progress)
