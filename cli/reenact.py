"""`facewright reenact`: a portrait follows the face of a video."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .batch import make_all
from .clip_options import clip_options
from .making import Job, make
from .session import Answer, Session
from .verb import Verb


@click.command(
    cls=Verb,
    example="""
facewright reenact portrait.jpg driving.mp4 -o out.mp4
facewright reenact portrait.jpg driving.mp4 -o out.mp4 --consent consent.txt
""",
)
@click.argument("portrait", required=False, type=click.Path(path_type=Path))
@click.argument("driving", required=False, type=click.Path(path_type=Path))
@clip_options
@click.pass_context
def reenact(ctx: click.Context, portrait: Path | None, driving: Path | None, batch: Path | None, **_: Any) -> Answer:
    """Let a picture follow the face of a video.

    Expression, head and gaze of the face in DRIVING move the face of PORTRAIT; sound of DRIVING is kept.
    """
    session = ctx.ensure_object(Session)
    if batch:
        return make_all(ctx, batch, columns=("portrait", "driving"), kind="video")
    if portrait is None or driving is None:
        raise click.UsageError("Give a PORTRAIT and a DRIVING video, or --batch.", ctx)
    job = Job.of(ctx, "video", portrait, driving)
    if job.consent is None and not session.json and sys.stdin.isatty() and sys.stderr.isatty():
        question = "Who agreed to this? One line, kept in the signed file; Enter for none"
        said = click.prompt(question, default="", show_default=False, err=True)
        job = replace(job, consent=said.strip() or None)
    return make(job, session)
