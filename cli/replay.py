"""`facewright replay`: build a sealed video again from its own record."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .progress import progress
from .session import Answer, Session
from .verb import Verb, option


@click.command(
    cls=Verb,
    example="facewright replay out.mp4 -o again.mp4\nfacewright replay out.mp4 -o again.mp4 --portrait face.jpg",
)
@click.argument("file", type=click.Path(path_type=Path))
@option("--output", "-o", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The video to write.")
@option("--portrait", metavar="FILE", type=click.Path(path_type=Path), help="Where the picture lies now.")
@option(
    "--speech", "--driving", "drive", metavar="FILE", type=click.Path(path_type=Path), help="Where the drive lies now."
)
@option("--device", default="auto", show_default=True, envvar="FACEWRIGHT_DEVICE", help="auto, cpu or cuda.")
@option("--force", is_flag=True, help="Replace the output if it exists.")
@click.pass_context
def replay(
    ctx: click.Context, file: Path, output: Path, portrait: Path | None, drive: Path | None, device: str, force: bool
) -> Answer:
    """Build a sealed video again from its record.

    The inputs must be the same, by SHA-256. The copy gets a record id, and so a watermark, of its own.
    """
    from ..generate.replaying import replay as rebuild

    began = time.perf_counter()
    clip = rebuild(file, portrait=portrait, drive=drive, device=device)
    with progress(ctx.ensure_object(Session), fps=float(clip.fps)) as report:
        sealed = clip.save(output, force=force, progress=report)
    return Answer({"output": str(sealed.path), "compute_seconds": time.perf_counter() - began})
