"""`facewright store`: what is in the store of records, whether it was changed behind its back, and moving it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import InputError, UsageError, VerifyError
from .session import Answer
from .verb import Verb, option

if TYPE_CHECKING:
    from ..provenance import Store

NEEDS = {"show": "the id of a record", "export": "a file to write", "import": "a file to read"}


@click.command(
    cls=Verb,
    example="""
facewright store list
facewright store show 0123456789abcdef
facewright store audit
facewright store audit --head 41:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
facewright store export records.jsonl
facewright store import records.jsonl --trust anchors.pem
""",
)
@click.argument("action", type=click.Choice(["list", "show", "audit", "export", "import"]), default="list")
@click.argument("target", required=False)
@option("--store", metavar="URL", envvar="FACEWRIGHT_STORE", help="Store of records; this installation's own.")
@option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many `list` shows.")
@option("--head", metavar="HEAD", help="`audit`: the log must contain this head, noted earlier.")
@option("--trust", metavar="PEM", help="`import`: only rows whose signer leads to this list.")
@option("--force", is_flag=True, help="`export`: replace the file if it exists.")
def store(
    action: str,
    target: str | None,
    store: str | None,
    limit: int,
    head: str | None,
    trust: str | None,
    force: bool,
) -> Answer:
    """Look into the store of records, audit it, move it.

    `list` shows the latest records, `show` one of them, `audit` recomputes the log of changes and holds the rows
    against it (exit code 10 if they disagree), `export` and `import` carry records to another store. TARGET is an id or
    a file.
    """
    from ..provenance import Store

    if target is None and action in NEEDS:
        raise UsageError("usage", f"store {action} needs {NEEDS[action]}.", "See: facewright store --help")
    opened = Store(store)
    match action:
        case "list":
            return _list(opened, limit)
        case "show":
            return _show(opened, str(target))
        case "audit":
            return _audit(opened, head)
        case "export":
            from ..provenance.store.transfer import save

            count = save(opened, str(target), force=force)
            return Answer({"exported": count, "file": str(target)}, f"{count} records in {target}")
    return _import(opened, str(target), trust)


def _list(opened: Store, limit: int) -> Answer:
    total = len(opened)
    shown = [
        {
            "record_id": record.record_id,
            "created": record.created,
            "method": record.method,
            "seconds": record.seconds,
            "ingredients": [item.title for item in record.ingredients],
        }
        for record in islice(opened.records(limit), limit)
    ]
    lines = [f"{each['record_id']}  {each['created']}  {each['method']}  {each['seconds']:.1f} s" for each in shown]
    more = [f"… {total - len(shown)} more"] if total > len(shown) else []
    text = "\n".join([*lines, *more]) or f"no records in {opened.shown}"
    return Answer({"store": opened.shown, "total": total, "records": shown}, text)


def _show(opened: Store, record_id: str) -> Answer:
    entries = [*opened.all_of(record_id)]
    if not entries:
        raise InputError(
            "no_record", f"There is no record {record_id} in {opened.shown}.", "See: facewright store list"
        )
    record: dict[str, Any] = entries[0].record.to_dict()
    manifests = [{"sha256": entry.manifest_sha256, "created": entry.record.created} for entry in entries]
    lines = [f"{name:<20} {value}" for name, value in record.items() if value not in ("", None, [], {})]
    lines += [f"{'manifest':<20} {each['sha256']} of {each['created']}" for each in manifests]
    return Answer({"record": record, "manifests": manifests}, "\n".join(lines))


def _audit(opened: Store, noted: str | None) -> Answer:
    from ..provenance.store import Head

    found = opened.audit(Head.parse(noted) if noted else None)
    result = {"store": opened.shown, "records": found.rows, "head": str(found.head), "findings": list(found.findings)}
    text = "\n".join(
        [
            *found.findings,
            f"{found.rows} records, {found.head.index + 1} lines in the log: "
            + ("they disagree" if found.findings else "rows and log agree"),
            f"head {found.head}",
        ]
    )
    if not found.findings:
        return Answer(result, text)
    message = f"The store {opened.shown} is not as its log says: {found.findings[0]}."
    error = VerifyError("store_changed", message, "Somebody or something changed the database from outside.")
    return Answer(result, text, error.exit_code, error=error.to_dict())


def _import(opened: Store, path: str, trust: str | None) -> Answer:
    from ..provenance.store.transfer import load
    from ..provenance.trust import chosen

    loaded = load(opened, Path(path), trust=chosen(trust) if trust else ())
    refused = [{"line": line, "reason": reason} for line, reason in loaded.refused]
    result = {"added": loaded.added, "present": loaded.present, "refused": refused}
    lines = [f"line {line}: refused, {reason}" for line, reason in loaded.refused]
    lines.append(f"{loaded.added} added, {loaded.present} here already, {len(refused)} refused")
    if not refused:
        return Answer(result, "\n".join(lines))
    error = {"code": "partial", "message": f"{len(refused)} rows were refused", "hint": "", "exit_code": 7}
    return Answer(result, "\n".join(lines), 7, error=error)
