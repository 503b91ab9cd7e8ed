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
    answers = [_verify(path, trust, store) for path in media_files(files)]
    if len(answers) == 1:
        return answers[0]
    items = [{**(answer.inputs or {}), "result": answer.result, "error": answer.error} for answer in answers]
    code = worst([answer.exit_code for answer in answers])
    bad = next((answer.error for answer in answers if answer.exit_code == code), None)
    if code == 7:
        bad = {"code": "partial", "message": "some files could not be read", "hint": "See each item.", "exit_code": 7}
    return Answer({"files": items}, "\n\n".join(answer.text for answer in answers), code, error=bad)


def _verify(path: Path, trust: Path | None, store: str | None) -> Answer:
    from ..provenance import Store
    from ..provenance import verify as ask

    inputs = {"file": str(path)}
    try:
        found = ask(path, trust=trust, store=Store(store) if store else None)
    except Exception as failure:
        error = as_error(failure)
        return Answer(None, f"{path}: {error.message}", error.exit_code, inputs, error.to_dict())
    return Answer(found.to_dict(), "\n".join([str(path), *found.lines]), found.exit_code, inputs, _finding(path, found))


def _finding(path: Path, found: Verification) -> dict[str, Any] | None:
    """A negative or empty finding, as the `error` that its exit code stands for."""
    if found.exit_code == 0:
        return None
    code = CODES.get(found.state, found.state.replace("-", "_"))
    return {"code": code, "message": f"{path}: {found.state}", "hint": "", "exit_code": found.exit_code}
