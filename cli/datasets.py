"""`facewright datasets`: corpora of genuine and synthetic clips."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.errors import InputError
from ..generate.methods import registry
from .progress import progress
from .session import Answer, Session
from .verb import Group, Verb, option

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"}
SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac"}


@click.group(cls=Group)
def datasets() -> None:
    """Make corpora of genuine and synthetic clips."""


@datasets.command(
    cls=Verb,
    example="""
facewright datasets synthesize corpus --portraits portraits --voices speech --count 100
facewright datasets synthesize corpus --portraits portraits --voices speech --count 100 --identity '[a-z]+_[0-9]+'
""",
)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@option("--portraits", metavar="PATH", type=click.Path(path_type=Path), required=True, multiple=True,
        help="Pictures of people who agreed, or folders of them.")  # fmt: skip
@option("--voices", metavar="PATH", type=click.Path(path_type=Path), required=True, multiple=True,
        help="Sound files, or folders of them.")  # fmt: skip
@option("--count", type=click.IntRange(1), required=True, help="Clips to make.")
@option("--method", "methods", type=click.Choice(registry.NAMES), multiple=True, default=("meshwarp",),
        show_default=True, help="May be given several times; they take turns.")  # fmt: skip
@option("--seconds", type=click.FloatRange(0.2), default=6.0, show_default=True, help="Longest clip.")
@option("--size", type=click.IntRange(256, 2160), default=512, show_default=True, help="Short side in pixels.")
@option("--seed", type=int, default=0, show_default=True, help="Seed of every draw.")
@option("--spread", type=click.FloatRange(0, 1), default=0.5, show_default=True,
        help="How far controls vary; 0 leaves the defaults.")  # fmt: skip
@option("--identity", metavar="REGEX", default=".+", show_default=True,
        help="What in a portrait's file name names the person.")  # fmt: skip
@option("--licence", default="not stated", show_default=True, help="Terms of the portraits, for the index.")
@option("--held-out", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Share of people kept apart.")
@option("--device", default="auto", show_default=True, help="Where networks run.")
@click.pass_context
def synthesize(
    ctx: click.Context, out: Path, portraits: tuple[Path, ...], voices: tuple[Path, ...], device: str, **values: object
) -> Answer:
    """Make talking heads of portraits × voices × seeds, and their index.

    Every clip is watermarked and signed like any other. A run that was broken off goes on where it was.
    """
    from ..generate.synthesis import Plan, synthesize

    plan = Plan(portraits=_files(portraits, PICTURES), voices=_files(voices, SOUNDS), **values)  # type: ignore[arg-type]
    with progress(ctx.ensure_object(Session)) as report:
        index = synthesize(plan, out, device=device, progress=report)
    return Answer({"index": str(index), "clips": plan.count}, f"{index}\n  {plan.count} clips")


def _files(paths: tuple[Path, ...], kinds: set[str]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError("unreadable", f"there is nothing at {path}", "Name a file or a folder.")
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in kinds) if path.is_dir() else [path]
        if not inside:
            raise InputError("unreadable", f"{path} holds no file of the kinds {', '.join(sorted(kinds))}")
        found += inside
    return found
