"""`facewright verify`: what signature, watermark and store say about files. Facts only."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import InputError, UsageError
from .failures import as_error
from .files import is_url, lines, media_files
from .session import Answer, Session
from .verb import Verb, option

if TYPE_CHECKING:
    from ..provenance import Verification

CODES = {"invalid": "tampered", "nothing-found": "no_provenance"}
LARGEST = 8 << 30  # bytes fetched of one URL


@click.command(
    cls=Verb,
    example="""
facewright verify out.mp4
facewright verify out.mp4 --trust anchors.pem --json
facewright verify clips/ --revocation
find . -name '*.mp4' | facewright verify - --json
""",
)
@click.argument("files", nargs=-1)
@option("--from-file", metavar="LIST", type=click.Path(path_type=Path), help="More files, one a line; - for stdin.")
@option(
    "--trust",
    metavar="PEM|NAME",
    multiple=True,
    section="Trust",
    help="Certificates to trust; if not said, FACEWRIGHT_TRUST, else all of `facewright trust list`.",
)
@option("--time-trust", metavar="PEM|NAME", multiple=True, section="Trust", help="The same for time-stamps.")
@option("--revocation", is_flag=True, section="Trust", help="Ask whom the certificate names if it was revoked.")
@option("--ocsp", metavar="URL", section="Trust", help="Ask this OCSP responder.")
@option("--crl", metavar="FILE", multiple=True, type=click.Path(path_type=Path), section="Trust",
        help="Look into this revocation list.")  # fmt: skip
@option("--store", metavar="URL", envvar="FACEWRIGHT_STORE", help="Store of records; this installation's own.")
@option("--fetch", type=click.Choice(["public", "any"]), help="Files may be URLs; any: private addresses too.")
@option("--crjson", is_flag=True, help="Print the manifests as C2PA's crJSON, one line a file.")
@click.pass_context
def verify(
    ctx: click.Context, files: tuple[str, ...], from_file: Path | None, fetch: str | None, crjson: bool, **asked: Any
) -> Iterator[Answer]:
    """Say what signature, watermark and store tell.

    FILES are files, folders, patterns, or - for a list on stdin. Nothing is asked of the network unless an option says
    so. Exit code 0: a record or a valid manifest was found; 10: it contradicts the file; 11: nothing was found. With
    --json, one line a file.
    """
    named = list(lines([*files, *_listed(from_file)]))
    if not named:
        raise click.UsageError("Give FILES, or a list of them.", ctx)
    if not fetch and (urls := [name for name in named if is_url(name)]):
        hint = "Add --fetch public to allow it, or fetch the file yourself."
        raise UsageError("not_fetched", f"{urls[0]} is an address, and nothing is fetched unasked.", hint)
    inputs = [each for name in named for each in ([name] if is_url(name) else media_files([name]))]
    return _verify_all(ctx.ensure_object(Session), inputs, fetch, crjson, asked)


def _listed(path: Path | None) -> list[str]:
    if path is None:
        return []
    if str(path) == "-":
        return ["-"]
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("unreadable", f"The list {path} cannot be read: {error}.", "Give UTF-8 text.") from error


def _verify_all(
    session: Session, inputs: list[str | Path], fetch: str | None, crjson: bool, asked: dict[str, Any]
) -> Iterator[Answer]:
    several = len(inputs) > 1
    for each in inputs:
        about = {"files": [str(each)]}
        try:
            found = _ask(each, fetch, asked)
        except Exception as failure:
            error = as_error(failure)
            if not several or error.exit_code == UsageError.exit_code:
                raise
            yield Answer(None, f"{each}: {error.message}", error.exit_code, about, error.to_dict())
            continue
        yield _answer(str(each), found, about, crjson, session.json, several)


def _ask(each: str | Path, fetch: str | None, asked: dict[str, Any]) -> Verification:
    from ..core.fetching import download
    from ..provenance import verify as ask
    from ..provenance.revocation import Enquiry

    enquiry = Enquiry(asked["revocation"], asked["ocsp"], tuple(asked["crl"]))
    options = {"trust": asked["trust"], "time_trust": asked["time_trust"], "store": asked["store"], "enquiry": enquiry}
    if isinstance(each, Path):
        return ask(each, **options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"fetched{Path(each.partition('?')[0]).suffix[:8]}"
        with open(path, "wb") as file:
            download(each, file, private=fetch == "any", limit=LARGEST, timeout=600)
        return ask(path, **options)


def _answer(
    name: str, found: Verification, inputs: dict[str, Any], crjson: bool, in_json: bool, several: bool
) -> Answer:
    text = "\n".join([f"{name}: {found.state}", *(f"  {line}" for line in found.lines), *([""] if several else [])])
    result = found.to_dict()
    if crjson:
        text = json.dumps(found.crjson, ensure_ascii=False)
        result |= {"crjson": found.crjson} if in_json else {}
    return Answer(result, text, found.exit_code, inputs, _finding(name, found))


def _finding(name: str, found: Verification) -> dict[str, Any] | None:
    """A negative or empty finding, as the `error` that its exit code stands for."""
    if found.exit_code == 0:
        return None
    code = CODES.get(found.state, found.state.replace("-", "_"))
    return {"code": code, "message": f"{name}: {found.state}", "hint": "", "exit_code": found.exit_code}
