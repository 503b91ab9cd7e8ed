"""`facewright keys`: who signs here, and with which key the watermark is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import UsageError
from .session import Answer
from .verb import Verb, option

if TYPE_CHECKING:
    from ..provenance import Signer


@click.command(
    cls=Verb,
    example="""
facewright keys list
facewright keys new
facewright keys rotate
facewright keys rotate --mark-key
facewright keys request --subject "CN=Press office,O=Example" -o request.csr
facewright keys import chain.pem
""",
)
@click.argument("action", type=click.Choice(["list", "new", "rotate", "request", "import"]), default="list")
@click.argument("chain", required=False, type=click.Path(path_type=Path))
@option("--mark-key", is_flag=True, help="`new`, `rotate`: the key of the watermark instead of the signer's.")
@option("--subject", metavar="NAME", help="`request`: who asks, as CN=Press office,O=Example.")
@option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="`request`: the file to write.")
@option("--key", metavar="FILE", type=click.Path(path_type=Path), help="`import`: a key made elsewhere.")
@option("--force", is_flag=True, help="`request`: give up an open request; replace the file.")
def keys(
    action: str,
    chain: Path | None,
    mark_key: bool,
    subject: str | None,
    output: Path | None,
    key: Path | None,
    force: bool,
) -> Answer:
    """Make, list, rotate, request and import keys.

    `new` makes the local signer before its first use, `rotate` replaces it; with --mark-key they do so with the private
    key of the watermark, and marks of old keys are still read. `request` writes a certificate request for an authority,
    `import` installs its answer CHAIN. A pass phrase for the signer's keys comes from FACEWRIGHT_SIGN_PASSPHRASE or
    from the file FACEWRIGHT_SIGN_PASSPHRASE_FILE names.
    """
    from ..provenance import keyring

    match action:
        case "list":
            found = keyring.listing()
            return Answer(found, _text(found))
        case "new" | "rotate" if mark_key:
            file = keyring.new_mark_key(replace=action == "rotate")
            facts = keyring.listing()["mark_key"]
            return Answer({"mark_key": facts}, f"new watermark key {facts['check']} in {file}; keep a copy of it")
        case "new":
            return _signer(keyring.new())
        case "rotate":
            return _signer(keyring.rotate())
        case "request":
            if not (subject and output):
                raise UsageError("usage", "keys request needs --subject and -o.", "See: facewright keys --help")
            waiting = keyring.request(subject, output, force=force)
            text = f"{output}: send it to an authority; its key stays in {waiting}"
            return Answer({"request": str(output), "key": str(waiting)}, text)
    if chain is None:
        raise UsageError("usage", "keys import needs the file of certificates.", "See: facewright keys --help")
    signer, remarks = keyring.install(chain, key)
    return _signer(signer, remarks)


def _signer(signer: Signer, remarks: list[str] | None = None) -> Answer:
    leaf = signer.leaf
    facts = {
        "origin": signer.origin,
        "algorithm": signer.algorithm,
        "subject": leaf.subject.rfc4514_string(),
        "issuer": leaf.issuer.rfc4514_string(),
        "until": f"{leaf.not_valid_after_utc:%Y-%m-%d}",
    }
    lines = [f"signer: {facts['subject']}, {facts['algorithm']}, until {facts['until']}"]
    lines += [f"note: {remark}" for remark in remarks or []]
    return Answer({"signer": facts, "remarks": remarks or []}, "\n".join(lines))


def _text(found: dict[str, Any]) -> str:
    signer, mark = found["signer"], found["mark_key"]
    lines = []
    if signer is None:
        lines.append("signer     none yet; a local one, untrusted elsewhere, is made on first use")
    else:
        origin, subject, until = (signer.get(name, "?") for name in ("origin", "subject", "until"))
        lines.append(f"signer     {origin}: {subject}, until {until}")
        if signer["file"]:
            lines.append(f"           {signer['file']}, {'encrypted' if signer['encrypted'] else 'not encrypted'}")
        if "problem" in signer:
            lines.append(f"           cannot be used: {signer['problem']}")
    lines += [f"retired    {each['subject']}, until {each['until']}" for each in found["retired"]]
    if found["request"]:
        lines.append(f"request    open, key in {found['request']}")
    lines += [f"installed  {name} (FACEWRIGHT_SIGNER={name})" for name in found["installed_signers"]]
    lines.append(f"mark key   {mark['check']} {mark['file'] or 'the public key that everyone has'}")
    lines += [f"           {check} retired, still read" for check in mark["retired"]]
    return "\n".join(lines)
