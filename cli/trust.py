"""`facewright trust`: lists of certificates to trust, kept with their source and date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..core.errors import UsageError
from .files import is_url
from .session import Answer
from .verb import Verb, option

if TYPE_CHECKING:
    from ..provenance.trust import TrustList

PURPOSES = {"signers": "manifest", "times": "tsa"}


@click.command(
    cls=Verb,
    example="""
facewright trust add partner anchors.pem
facewright trust add c2pa https://example.org/C2PA-TRUST-LIST.pem
facewright trust list
facewright trust update c2pa
facewright trust remove partner
""",
)
@click.argument("action", type=click.Choice(["list", "add", "update", "remove"]), default="list")
@click.argument("name", required=False)
@click.argument("source", required=False)
@option("--for", "purpose", type=click.Choice(list(PURPOSES)), default="signers", show_default=True,
        help="Whom the list vouches for.")  # fmt: skip
def trust(action: str, name: str | None, source: str | None, purpose: str) -> Answer:
    """Keep lists of certificates to trust.

    `add` keeps SOURCE, a PEM file or a URL, under NAME. `update` reads the source of NAME, or of every list, again. A
    URL is fetched by these two alone; `verify` uses what is kept and says of which date.
    """
    from ..provenance import trust as lists

    if action == "list":
        return _answer(lists.kept())
    if action == "update":
        known = [each for each in lists.kept() if name in (None, each.name)]
        if name and not known:
            raise UsageError("trust_list", f"There is no kept list {name}.", "See: facewright trust list")
        return _answer([_keep(each.name, each.source, each.purpose, replace=True) for each in known])
    if not name:
        raise UsageError("usage", f"{action} needs the name of a list.", "See: facewright trust list")
    if action == "remove":
        lists.forget(name)
        return _answer(lists.kept())
    if not source:
        raise UsageError("usage", "add needs a file or a URL.", f"As in: facewright trust add {name} anchors.pem")
    return _answer([_keep(name, source, PURPOSES[purpose], replace=False)])


def _keep(name: str, source: str, purpose: str, *, replace: bool) -> TrustList:
    from ..core.fetching import fetch
    from ..provenance.trust import LARGEST, keep

    pem = fetch(source, private=True, limit=LARGEST) if is_url(source) else None
    return keep(name, source, purpose, pem=pem, replace=replace)


def _answer(found: list[TrustList]) -> Answer:
    lines = []
    for each in found:
        whom = next(word for word, purpose in PURPOSES.items() if purpose == each.purpose)
        lines.append(f"{each.name}  {each.count} certificates for {whom}, of {each.date}, from {each.source}")
    return Answer({"lists": [each.to_dict() for each in found]}, "\n".join(lines) or "no lists are kept")
