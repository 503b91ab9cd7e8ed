"""`facewright stamp`: a time-stamp for a file that was signed without one."""

from __future__ import annotations

from pathlib import Path

import click

from .session import Answer
from .verb import Verb, option


@click.command(cls=Verb, example="facewright stamp out.mp4 -o stamped.mp4 --tsa http://timestamp.example.org")
@click.argument("file", type=click.Path(path_type=Path))
@option("--output", "-o", metavar="FILE", required=True, type=click.Path(path_type=Path), help="The copy to write.")
@option("--tsa", metavar="URL", envvar="FACEWRIGHT_TSA_URL", help="Time-stamp authority (RFC 3161).")
@option("--force", is_flag=True, help="Replace the output if it exists.")
def stamp(file: Path, output: Path, tsa: str | None, force: bool) -> Answer:
    """Add a time-stamp to a sealed file.

    An authority confirms that the signature of FILE exists now, so that it holds when the certificate has expired. Only
    a hash is sent. The content and its manifest stay as they are; the time-stamp stands in an update manifest.
    """
    from ..provenance.stamping import stamp as add

    found = add(file, output, url=tsa, force=force)
    time, authority = (found.stamp or {}).get("time"), (found.stamp or {}).get("authority")
    return Answer(
        {"output": str(output), "time": time, "authority": authority}, f"{output}\n  time-stamp {time} by {authority}"
    )
