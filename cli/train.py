"""`facewright train`: make the weights of a method or a detector again, from data of your own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..core.errors import InputError, UsageError
from ..core.progress import Report, silent
from ..detect.registry import TRAINERS, trainer
from ..generate.methods import registry
from .progress import progress
from .session import Answer, Session
from .verb import Verb, option

LOOP = (
    "stage",
    "begin",
    "steps",
    "device",
    "precision",
    "micro_batch",
    "workers",
)  # options of methods that train in stages


PERSON = "person.jsonl"  # the index of --person, in --out


class Name(click.Choice):
    """A choice whose names may be written with hyphens, as in make-your-anchor."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value if value in self.choices else str(value).replace("-", ""), param, ctx)


@click.command(
    cls=Verb,
    example="""
facewright train meshwarp --data data --out runs/001 --dry-run
facewright train meshwarp --data data --out runs/001
facewright train residual --data corpus/index.csv --out runs/002
facewright train make-your-anchor --stage 1 --person clip.mp4 --begin makeyouranchor-official --preset lora --out runs/3
""",
)
@click.argument("name", type=Name([*registry.TRAINED, *TRAINERS]))
@option("--data", metavar="PATH", type=click.Path(path_type=Path), help="What to learn from.")
@option(
    "--person",
    metavar="VIDEO",
    type=click.Path(path_type=Path),
    multiple=True,
    help="In place of --data: a video of the one person to learn; may be said again.",
)
@option("--out", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Folder for weights and record.")
@option("--stage", type=int, help="Which stage of a method that has several.")
@option("--begin", metavar="NAME", help="Weights to begin from, for methods that are fine-tuned.")
@option("--preset", help="A named size of the training; the standard one if not said.")
@option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@option("--dry-run", is_flag=True, help="Say what would be learned from, and stop.")
@option("--steps", type=click.IntRange(1), help="Steps in place of the preset's.", section="The run")
@option(
    "--device",
    default="auto",
    show_default=True,
    envvar="FACEWRIGHT_DEVICE",
    help="auto, cpu, cuda or cuda:N.",
    section="The run",
)
@option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Arithmetic of the networks; float32 if not said.",
    section="The run",
)
@option(
    "--micro-batch",
    type=click.IntRange(1),
    help="Samples that pass through the networks together, when memory is short; the batch stays as it is.",
    section="The run",
)
@option(
    "--workers", type=click.IntRange(0), help="Processes that prepare data and draw samples ahead.", section="The run"
)
@click.pass_context
def train(
    ctx: click.Context,
    name: str,
    data: Path | None,
    person: tuple[Path, ...],
    out: Path,
    preset: str | None,
    seed: int,
    dry_run: bool,
    device: str,
    **loop: Any,
) -> Answer:
    """Train a method or a detector on data of your own.

    A method learns from an index of clips or a folder with MANIFEST.csv, a detector from an index of genuine and
    synthetic clips, or of genuine ones alone if it makes their counterparts itself. The same command goes on where a
    former run in --out stopped. Several devices and machines: `accelerate launch -m facewright train …`.
    """
    data = _of_person(person, out) if person and data is None else data
    if data is None or (person and data.name != PERSON):
        raise UsageError("usage", "There is one thing to learn from.", "Give --data or --person.")
    if not data.exists():
        raise InputError("data_missing", f"there is nothing at {data}", "Name what to learn from with --data.")
    first = os.environ.get("RANK", "0") == "0"
    if not first:  # of the processes that accelerate started, one speaks
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 – until the process ends
    common = {"preset": preset, "seed": seed, "dry_run": dry_run}
    with progress(ctx.ensure_object(Session)) as report:
        report = report if first else silent
        known = trainer(name) if name in TRAINERS else registry.stages(name)
        if isinstance(known, Mapping) and known:
            result = _train_stage(name, known, data, out, device=device, report=report, **common, **loop)
        elif given := [word for word in LOOP if ctx.get_parameter_source(word) == ParameterSource.COMMANDLINE]:
            raise UsageError("usage", f"{name} has no --{given[0].replace('_', '-')}", "Leave it away.")
        else:
            fit = partial(_fit, name, known) if callable(known) else registry.trainer(name)
            result = fit(data, out, **common, progress=report)
    lines = [f"{field.replace('_', ' ')}: {value}" for field, value in result.items()]
    return Answer(result, "\n".join([*lines, *(["nothing was trained (--dry-run)"] if dry_run else [])]))


def _of_person(videos: tuple[Path, ...], out: Path) -> Path:
    """An index of videos of one person, who is the user's own affair."""
    from ..core.atomic import telling
    from ..datasets.index import Entry, write_index

    for video in videos:
        if not video.is_file():
            raise InputError("data_missing", f"there is nothing at {video}", "Name a video of the person.")
    entries = [Entry(str(video.resolve()), "genuine", "person", str(video), "the user's own") for video in videos]
    with telling(out):
        out.mkdir(parents=True, exist_ok=True)
        write_index(out / PERSON, entries)
    return out / PERSON


def _train_stage(
    name: str,
    stages: Any,
    data: Path,
    out: Path,
    *,
    stage: int | None,
    precision: str | None,
    device: str,
    micro_batch: int | None,
    workers: int | None,
    report: Report,
    **wishes: Any,
) -> dict[str, Any]:
    from ..core.training import Options
    from ..core.training import train as run

    if stage is None and len(stages) > 1:
        known = ", ".join(f"{number} ({recipe.title})" for number, recipe in stages.items())
        raise UsageError("usage", f"{name} trains in several stages", f"Say --stage: {known}.")
    options = Options(device, precision or "float32", micro_batch, workers)
    number = next(iter(stages)) if stage is None else stage
    return run(name, stages, number, data, out, options=options, progress=report, **wishes)


def _fit(
    name: str,
    detector: Callable[..., dict[str, Any]],
    data: Path,
    out: Path,
    *,
    preset: str | None,
    seed: int,
    dry_run: bool,
    progress: Report,
) -> dict[str, Any]:
    from ..datasets.index import groups, read_index
    from ..datasets.manifest import read_manifest

    if preset:
        raise UsageError("unknown_preset", f"{name} has no presets", "Leave --preset away.")
    if dry_run:
        entries = read_manifest(data) if data.is_dir() else read_index(data)
        synthetic = sum(entry.synthetic for entry in entries)
        people = len(set(groups(entries)))
        return {"genuine": len(entries) - synthetic, "synthetic": synthetic, "people_and_sources": people}
    command = f"facewright train {name} --data INDEX --out DIR --seed {seed}"
    return detector(data, out, seed=seed, command=command, progress=progress)
