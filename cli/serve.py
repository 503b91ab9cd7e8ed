"""`facewright serve`: the store, asked over HTTP for the manifest of a watermark or a video."""

from __future__ import annotations

from pathlib import Path

import click

from .session import Answer, Session
from .verb import Verb, option


@click.command(
    cls=Verb,
    example="""
facewright serve
facewright serve --host 0.0.0.0 --port 8080 --token-file token
""",
)
@option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; others than this need a token.")
@option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 takes a free one.")
@option("--token-file", metavar="FILE", type=click.Path(path_type=Path), help="Token that every request must carry.")
@option("--store", metavar="URL", envvar="FACEWRIGHT_STORE", help="Store of records; this installation's own.")
@option("--per-minute", type=click.IntRange(1), default=120, show_default=True, help="Requests of one client.")
@option("--max-upload", type=click.IntRange(1), default=256, show_default=True, help="Size of a file, MiB.")
@click.pass_context
def serve(
    ctx: click.Context,
    host: str,
    port: int,
    token_file: Path | None,
    store: str | None,
    per_minute: int,
    max_upload: int,
) -> Answer:
    """Answer by which manifest a watermark or a video is known.

    The C2PA soft-binding resolution API over the store of records: /matches/byBinding, /matches/byContent, /manifests,
    /services/supportedAlgorithms, and /openapi.json. It listens on this machine only, unless told otherwise.
    """
    from ..provenance import Store
    from ..serve.server import read_token, run

    session = ctx.ensure_object(Session)
    run(
        Store(store),
        host,
        port,
        token=read_token(token_file) if token_file else None,
        per_minute=per_minute,
        upload_bytes=max_upload * 2**20,
        ready=lambda address: session.note(f"listening at {address}; end with Ctrl-C"),
    )
    return Answer({}, "")
