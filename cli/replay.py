"""`facewright replay`: build a sealed video again from its own record."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import click

from .making import save
from .session import Answer, Session
from .verb import Verb, option

SAID = {
    True: "before the mark every pixel of every frame is the same",
    False: "the pixels differ; was it made by another version or on another machine?",
    None: "its record does not say which pixels it had",
}
log = logging.getLogger(__name__)


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
    from ..generate.replaying import Origin
    from ..provenance import check_target
    from ..provenance.reading import read_manifest

    session = ctx.ensure_object(Session)
    began = time.perf_counter()
    check_target(output, force, [file])
    origin = Origin.of(file)
    clip = origin.clip(portrait=portrait, drive=drive, device=device)
    answer = save(clip, output, session, began=began, force=force)
    pixels = (read_manifest(output).generation or {}).get("pixels_sha256")
    same = pixels == origin.pixels_sha256 if pixels and origin.pixels_sha256 else None
    if same is False:
        log.warning("other pixels than those of record %s came out", origin.record_id)
    answer.result = {**(answer.result or {}), "replayed": origin.record_id, "same_pixels": same}
    answer.text += f"\n  replays record {origin.record_id}: {SAID[same]}"
    return answer
