"""`facewright train`: make a method's weights again, from data of your own."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.errors import UsageError
from ..generate.methods import registry
from .progress import progress
from .session import Answer, Session
from .verb import Verb, option


@click.command(
    cls=Verb,
    example="""
facewright train meshwarp --data ~/data --out runs/001
facewright train meshwarp --data ~/data --out runs/001 --dry-run
""",
)
@click.argument("method", type=click.Choice(registry.NAMES))
@option("--data", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Folder with MANIFEST.csv.")
@option("--out", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Folder for weights and record.")
@option("--preset", help="A named size of the training; the method's standard one.")
@option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@option("--dry-run", is_flag=True, help="Say what would be trained on what, and stop.")
@click.pass_context
def train(
    ctx: click.Context, method: str, data: Path, out: Path, preset: str | None, seed: int, dry_run: bool
) -> Answer:
    """Train a method on data of your own."""
    if not data.is_dir():
        raise UsageError("usage", f"--data {data} is not a folder", "Name the folder that holds the data.")
    with progress(ctx.ensure_object(Session)) as report:
        result = registry.trainer(method)(data, out, preset=preset, seed=seed, dry_run=dry_run, progress=report)
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in result.items()]
    return Answer(result, "\n".join(lines))
