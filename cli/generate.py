"""`facewright generate`: a portrait and a voice become a talking head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .batch import make_all
from .clip_options import clip_options
from .making import Job, make
from .session import Answer, Session
from .verb import Verb, option


@click.command(
    cls=Verb,
    example="""
facewright generate face.jpg speech.wav -o out.mp4
facewright generate face.jpg speech.wav -o out.mp4 --emotion happy --seed 7
facewright generate face.jpg lecture.mp3 -o try.mp4 --preview 3s
facewright generate --batch jobs.csv --out-dir out --keep-going
""",
)
@click.argument("portrait", required=False, type=click.Path(path_type=Path))
@click.argument("speech", required=False, type=click.Path(path_type=Path))
@clip_options
@option("--partner", metavar="FILE", type=click.Path(path_type=Path), section="Motion",
        help="The other voice of a conversation, for methods that listen.")  # fmt: skip
@option("--style", metavar="FILE", type=click.Path(path_type=Path), section="Motion",
        help="Video of somebody who agreed; their manner of moving is taken over, by methods that can.")  # fmt: skip
@click.pass_context
def generate(ctx: click.Context, portrait: Path | None, speech: Path | None, batch: Path | None, **_: Any) -> Answer:
    """Make a talking head from a picture and a voice.

    PORTRAIT is a picture with a face, SPEECH a sound file in any format that FFmpeg reads. The video is watermarked and
    signed, then read back before it appears at the output.
    """
    session = ctx.ensure_object(Session)
    if batch:
        return make_all(ctx, batch, columns=("portrait", "speech"), kind="speech")
    if portrait is None or speech is None:
        raise click.UsageError("Give a PORTRAIT and a SPEECH file, or --batch.", ctx)
    return make(Job.of(ctx, "speech", portrait, speech), session)
