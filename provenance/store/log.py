"""The log of changes: append-only lines whose hashes form a chain, and what an audit makes of it.

A line's hash covers the line and the hash before it, so no line can be changed, taken out or put elsewhere without
breaking every hash after it (Haber and Stornetta, "How to time-stamp a digital document", 1991). Whoever can write the
database can compute a whole new chain; only a head that was noted elsewhere shows that, or a tail cut off.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from ...core.errors import UsageError
from .schema import log, records

ORIGIN = "0" * 64
"""What stands as the hash before the first line."""


@dataclass(frozen=True)
class Head:
    """The last line of a log: index (-1 of an empty one) and hash."""

    index: int
    hash: str

    def __str__(self) -> str:
        return f"{self.index}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The inverse of `str`.

        Raises:
            UsageError: "usage".
        """
        if not (found := re.fullmatch(r"(-1|\d{1,12}):([0-9a-f]{64})", text.strip())):
            raise UsageError("usage", f"This is not the head of a log: {text!r}.", "It looks like 41:9f86d081….")
        return cls(int(found[1]), found[2])


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        head: the last line.
        rows: records in the store.
        findings: a sentence for each disagreement; empty if all is well.
    """

    head: Head
    rows: int
    findings: tuple[str, ...]


def row_digest(row: Sequence[Any]) -> str:
    """The digest of a row: manifest_sha256, record_id, created, method, record, manifest, fingerprint."""
    *plain, manifest, fingerprint = row
    blobs = [hashlib.sha256(blob).hexdigest() for blob in (bytes(manifest), bytes(fingerprint))]
    return hashlib.sha256(json.dumps([*plain, *blobs]).encode()).hexdigest()


def append(connection: Connection, changes: Sequence[tuple[str, str, str]]) -> None:
    """Add a line for each change: kind, manifest_sha256, row_sha256. The connection must be the one writer's."""
    at = head(connection)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = []
    for kind, manifest, row in changes:
        line = {"index": at.index + 1, "time": now, "kind": kind, "manifest_sha256": manifest, "row_sha256": row}
        line |= {"previous": at.hash, "hash": _hash((*line.values(), at.hash))}
        at = Head(line["index"], line["hash"])
        lines.append(line)
    if lines:
        connection.execute(insert(log), lines)


def head(connection: Connection) -> Head:
    """The last line."""
    last = connection.execute(select(log.c.index, log.c.hash).order_by(log.c.index.desc()).limit(1)).first()
    return Head(*last) if last else Head(-1, ORIGIN)


def audit(connection: Connection, remembered: Head | None = None) -> Audit:
    """Recompute the chain and hold the rows against what the log says of them.

    Args:
        connection: sees one state throughout.
        remembered: a head noted earlier, which the log must still contain.
    """
    findings: list[str] = []
    logged: dict[str, str] = {}
    at, noted = Head(-1, ORIGIN), Head(-1, ORIGIN)
    for index, time, kind, manifest, row, previous, stated in _all(connection, log, log.c.index):
        if index != at.index + 1:
            findings.append(f"log: line {index} follows line {at.index}; what stood between is missing")
        if previous != at.hash:
            findings.append(f"log: line {index} does not continue the line before it")
        if stated != _hash((index, time, kind, manifest, row, previous)):
            findings.append(f"log: line {index} was changed")
        if (kind in ("add", "import")) == (manifest in logged) or kind not in ("add", "import", "remove"):
            findings.append(f"log: line {index} cannot {kind} {manifest[:16]}… as the log stands there")
        if kind == "remove":
            logged.pop(manifest, None)
        else:
            logged[manifest] = row
        at = Head(index, stated)
        if remembered and index == remembered.index:
            noted = at
    if remembered and remembered != noted:
        what = "ends before" if at.index < remembered.index else "does not contain"
        findings.append(f"log: it {what} the remembered head {remembered.index}:{remembered.hash[:16]}…")
    rows = 0
    for row in _all(connection, records, records.c.manifest_sha256):
        rows += 1
        digest = logged.pop(row[0], None)
        if digest is None:
            findings.append(f"row {row[0][:16]}… (record {row[1]}) is not in the log")
        elif digest != row_digest(row) or row[0] != hashlib.sha256(bytes(row[5])).hexdigest():
            findings.append(f"row {row[0][:16]}… (record {row[1]}) was changed")
    findings += [f"row {manifest[:16]}… is missing" for manifest in logged]
    return Audit(at, rows, tuple(findings))


def _hash(line: Sequence[Any]) -> str:
    return hashlib.sha256("\n".join(map(str, line)).encode()).hexdigest()


def _all(connection: Connection, table: Any, order: Any) -> Iterator[Any]:
    """Rows in order, without holding them all."""
    yield from connection.execution_options(yield_per=256).execute(select(table).order_by(order))
