"""`facewright verify`: what signature, watermark and store say about a file. Facts only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failures import as_error
from .files import media_files
from .session import Answer, worst
from .verb import Verb, option

if TYPE_CHECKING:
    from ..provenance import Verification

CODES = {"invalid": "tampered", "nothing-found": "no_provenance"}


@click.command(
    cls=Verb,
    example="""
facewright verify out.mp4
facewright verify out.mp4 --trust anchors.pem --json
facewright verify clips/
""",
)
@click.argument("files", nargs=-1, required=True)
@option(
    "--trust", metavar="PEM", type=click.Path(path_type=Path), envvar="FACEWRIGHT_TRUST", help="Certificates to trust."
)
@option("--store", metavar="URL", envvar="FACEWRIGHT_STORE", help="Store of records; this installation's own.")
def verify(files: tuple[str, ...], trust: Path | None, store: str | None) -> Answer:
    """Say what signature, watermark and store tell.

    FILES are files, folders or patterns. Exit code 0: a record or a valid manifest was found; 10: it contradicts the
    file; 11: nothing was found.
    """
    paths = media_files(files)
    if len(paths) == 1:
        return _verify(paths[0], trust, store)
    answers = [_tried(path, trust, store) for path in paths]
    items = [
        {"file": str(path), "result": answer.result, "error": answer.error}
        for path, answer in zip(paths, answers, strict=True)
    ]
    code = worst([answer.exit_code for answer in answers])
    error = next((answer.error for answer in answers if answer.exit_code == code), None)
    if code == 7:
        error = {"code": "partial", "message": "some files could not be read", "hint": "See each item.", "exit_code": 7}
    return Answer({"files": items}, "\n\n".join(answer.text for answer in answers), code, error=error)


def _tried(path: Path, trust: Path | None, store: str | None) -> Answer:
    try:
        return _verify(path, trust, store)
    except Exception as failure:
        error = as_error(failure)
        return Answer(None, f"{path}: {error.message}", error.exit_code, error=error.to_dict())


def _verify(path: Path, trust: Path | None, store: str | None) -> Answer:
    from ..provenance import verify as ask

    found = ask(path, trust=trust, store=store)
    text = "\n".join([f"{path}: {found.state}", *(f"  {line}" for line in found.lines)])
    return Answer(found.to_dict(), text, found.exit_code, error=_finding(path, found))


def _finding(path: Path, found: Verification) -> dict[str, Any] | None:
    """A negative or empty finding, as the `error` that its exit code stands for."""
    if found.exit_code == 0:
        return None
    code = CODES.get(found.state, found.state.replace("-", "_"))
    return {"code": code, "message": f"{path}: {found.state}", "hint": "", "exit_code": found.exit_code}
