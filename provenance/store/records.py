"""The store itself: rows in, rows out, each change with its line in the log."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, true
from sqlalchemy.engine import Connection

from ...core.errors import InputError
from ...core.paths import home
from ..jumbf import active_label
from ..record import Record
from . import log
from .database import Database
from .log import Audit, Head
from .schema import lookup, records

if TYPE_CHECKING:  # OpenCV and PyAV stay away from those who only list or audit
    from ..fingerprint import Fingerprint
    from .search import Looks


@dataclass(frozen=True)
class Entry:
    """One row: the record, the manifest store as signed (`application/c2pa`), the fingerprint of the encoded video."""

    record: Record
    manifest: bytes
    fingerprint: bytes

    @property
    def manifest_sha256(self) -> str:
        """What tells rows apart."""
        return hashlib.sha256(self.manifest).hexdigest()


class Store:
    """The records sealed here.

    Args:
        url: SQLAlchemy URL; default `FACEWRIGHT_STORE`, else SQLite in `FACEWRIGHT_HOME`.

    A SQLite file comes into being with the first `add`; asking a store that does not exist finds nothing. A store of an
    earlier version is brought up to date by the first change, audit or search by content.

    Raises:
        UsageError: "store_url" if the URL cannot be understood.
        MachineError: "store" if the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        url = url or os.environ.get("FACEWRIGHT_STORE") or f"sqlite:///{home() / 'records.sqlite'}"
        self._database = Database(url, _log_and_derive)
        self._looks: Looks | None = None

    @property
    def url(self) -> str:
        return self._database.url

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self._database.shown

    def add(self, record: Record, manifest: bytes, fingerprint: bytes) -> None:
        """Add a row, durably.

        Raises:
            MachineError: "store" if the database cannot be written, or holds this manifest already.
        """
        self.extend([Entry(record, manifest, fingerprint)], kind="add")

    def extend(self, entries: Iterable[Entry], *, kind: str = "import") -> None:
        """Add several rows in one transaction. `transfer.load` checks rows that come from elsewhere."""
        rows = [_row(entry) for entry in entries]
        derived = [_derived(row) for row in rows]
        with self._database.writing() as connection:
            connection.execute(insert(records), rows)
            connection.execute(insert(lookup), derived)
            log.append(connection, [(kind, row["manifest_sha256"], log.row_digest(_values(row))) for row in rows])

    def remove(self, manifest: bytes) -> None:
        """Forget the row of a manifest, if it is there."""
        if not self._database.exists():
            return
        digest = hashlib.sha256(manifest).hexdigest()
        with self._database.writing() as connection:
            connection.execute(delete(lookup).where(lookup.c.manifest_sha256 == digest))
            if connection.execute(delete(records).where(records.c.manifest_sha256 == digest)).rowcount:
                log.append(connection, [("remove", digest, log.ORIGIN)])

    def get(self, record_id: str) -> Entry | None:
        """The latest row with this id, or None.

        Raises:
            InputError: "bad_record" if the row cannot be understood.
        """
        return next(self.all_of(record_id), None)

    def all_of(self, record_id: str) -> Iterator[Entry]:
        """Rows with this id, latest first: files of one clip."""
        return self._select(records.c.record_id == record_id)

    def by_label(self, label: str) -> Entry | None:
        """The row whose active manifest has this label, or None."""
        self._database.bring_up_to_date()
        wanted = select(lookup.c.manifest_sha256).where(lookup.c.label == label)
        return next(self._select(records.c.manifest_sha256.in_(wanted)), None) if self._database.exists() else None

    def by_content(self, asked: Fingerprint, limit: int = 10) -> list[tuple[Entry, float]]:
        """Rows whose picture matches a fingerprint, the most similar first, with their similarity.

        A narrow table of hashes is compared at once (`search`), then the fingerprints of the nearest rows. It finds the
        whole picture, scaled, compressed, mirrored or cropped a little; other changes are the watermark's part.
        """
        from . import search

        self._database.bring_up_to_date()
        if not self._database.exists():
            return []
        with self._database.reading() as connection:
            if self._looks is None or self._looks.head != log.head(connection):
                self._looks = search.Looks.load(connection)
        near = self._looks.nearest(asked)
        return search.matches(asked, near, self._select(records.c.manifest_sha256.in_(near)), limit) if near else []

    def records(self, limit: int | None = None) -> Iterator[Record]:
        """The records alone, latest first."""
        if self._database.exists():
            wanted = select(records.c.record).order_by(records.c.created.desc()).limit(limit)
            with self._database.reading() as connection:
                for (text,) in connection.execution_options(yield_per=256).execute(wanted):
                    yield self._record(text)

    def head(self) -> Head:
        """The head of the log: note it elsewhere, and `audit` will tell whether the log still contains it."""
        return self.audit().head if not self._database.exists() else self._with_log(log.head)

    def audit(self, remembered: Head | None = None) -> Audit:
        """Recompute the chain of the log and hold the rows against it."""
        if not self._database.exists():
            lost = [f"log: it ends before the remembered head {remembered}"] if remembered else []
            return Audit(Head(-1, log.ORIGIN), 0, tuple(lost) if remembered and remembered.index >= 0 else ())
        return self._with_log(lambda connection: log.audit(connection, remembered))

    def __iter__(self) -> Iterator[Entry]:
        """All rows, latest first."""
        return self._select(true())

    def __len__(self) -> int:
        if not self._database.exists():
            return 0
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(records)).scalar_one()

    def _with_log(self, ask: Any) -> Any:
        self._database.bring_up_to_date()
        with self._database.reading() as connection:
            return ask(connection)

    def _select(self, condition: Any) -> Iterator[Entry]:
        if not self._database.exists():
            return
        columns = records.c.record, records.c.manifest, records.c.fingerprint
        wanted = select(*columns).where(condition).order_by(records.c.created.desc())
        with self._database.reading() as connection:
            try:
                for text, manifest, fingerprint in connection.execution_options(yield_per=64).execute(wanted):
                    yield Entry(self._record(text), bytes(memoryview(manifest)), bytes(memoryview(fingerprint)))
            except (TypeError, UnicodeDecodeError) as error:  # SQLite keeps a value of any type in any column
                raise InputError("bad_record", f"A row of the store {self.shown} is damaged: {error}.") from error

    def _record(self, text: str) -> Record:
        try:
            return Record.from_dict(json.loads(text))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InputError("bad_record", f"A row of the store {self.shown} is damaged: {error}.") from error


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "manifest_sha256": entry.manifest_sha256,
        "record_id": entry.record.record_id,
        "created": entry.record.created,
        "method": entry.record.method,
        "record": json.dumps(entry.record.to_dict()),
        "manifest": entry.manifest,
        "fingerprint": entry.fingerprint,
    }


def _values(row: dict[str, Any]) -> list[Any]:
    return [row[column.name] for column in records.columns]


def _derived(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "manifest_sha256": row["manifest_sha256"],
        "label": active_label(bytes(row["manifest"])),
        "looks": _looks(bytes(row["fingerprint"])),
    }


def _looks(fingerprint: bytes) -> bytes:
    if not fingerprint:
        return b""
    from .search import looks_of

    return looks_of(fingerprint)


def _log_and_derive(connection: Connection) -> None:
    """After the upgrade of a store that had no log: its rows enter the log as imports."""
    known = select(lookup.c.manifest_sha256)
    old = select(records.c.manifest_sha256).where(records.c.manifest_sha256.not_in(known)).order_by(records.c.created)
    for digest in connection.execute(old).scalars().all():
        row = connection.execute(select(records).where(records.c.manifest_sha256 == digest)).mappings().one()
        connection.execute(insert(lookup), _derived(dict(row)))
        log.append(connection, [("import", digest, log.row_digest(_values(dict(row))))])
