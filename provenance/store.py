"""The manifest store: what was sealed here, so that a file whose manifest was stripped is found again by its watermark.

One table. SQLite in `FACEWRIGHT_HOME/records.sqlite` unless `FACEWRIGHT_STORE` (or `url`) names another database in
SQLAlchemy's form, say `postgresql+psycopg://user@host/facewright`.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    func,
    insert,
    inspect,
    select,
    true,
)
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from ..core.errors import InputError, MachineError, UsageError
from ..core.paths import home
from .record import Record

BUSY_SECONDS = 30  # how long a writer waits for another on SQLite

_records = Table(
    "records",
    MetaData(),
    Column("manifest_sha256", String(64), primary_key=True),  # two files of one clip share its id, not their manifest
    Column("record_id", String(16), nullable=False, index=True),
    Column("created", String(32), nullable=False, index=True),
    Column("method", String(64), nullable=False),
    Column("record", Text, nullable=False),  # JSON of Record.to_dict()
    Column("manifest", LargeBinary, nullable=False),  # application/c2pa, as signed
    Column("fingerprint", LargeBinary, nullable=False),  # Fingerprint.to_bytes()
)


@dataclass(frozen=True)
class Entry:
    """One row: the record, the manifest store as signed (`application/c2pa`), the fingerprint of the encoded video."""

    record: Record
    manifest: bytes
    fingerprint: bytes


class Store:
    """The records sealed here.

    Args:
        url: SQLAlchemy URL; default `FACEWRIGHT_STORE`, else SQLite in `FACEWRIGHT_HOME`.

    A SQLite file comes into being with the first `add`; asking a store that does not exist finds nothing.

    Raises:
        UsageError: "store_url" if the URL cannot be understood.
        MachineError: "store" if the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or os.environ.get("FACEWRIGHT_STORE") or f"sqlite:///{home() / 'records.sqlite'}"
        try:
            parsed = make_url(self.url)
            sqlite = parsed.get_backend_name() == "sqlite"
            self._file = Path(parsed.database) if sqlite and parsed.database not in (None, "", ":memory:") else None
            options = {"poolclass": NullPool, "connect_args": {"timeout": BUSY_SECONDS}} if self._file else {}
            self._engine = create_engine(parsed, **options)
        except (ArgumentError, ImportError) as error:
            raise UsageError("store_url", f"Cannot use the store {self.shown}: {error}.") from error

    @property
    def shown(self) -> str:
        """The URL without its password."""
        try:
            return make_url(self.url).render_as_string(hide_password=True)
        except ArgumentError:
            return "(not a database URL)"

    def add(self, record: Record, manifest: bytes, fingerprint: bytes) -> None:
        """Add a row, durably.

        Raises:
            MachineError: "store" if the database cannot be written.
        """
        row = {
            "record_id": record.record_id,
            "created": record.created,
            "method": record.method,
            "record": json.dumps(record.to_dict(), ensure_ascii=False),
            "manifest": manifest,
            "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
            "fingerprint": fingerprint,
        }
        if self._file:
            self._create(self._file)
        with self._connection() as connection:
            if not self._file:
                _create_schema(connection)
            connection.execute(insert(_records), row)

    def get(self, record_id: str) -> Entry | None:
        """The latest row with this id, or None.

        Raises:
            InputError: "bad_record" if the row cannot be understood.
        """
        return next(self._select(_records.c.record_id == record_id), None)

    def remove(self, manifest: bytes) -> None:
        """Forget the row of a manifest, if it is there."""
        if self._exists():
            with self._connection() as connection:
                digest = hashlib.sha256(manifest).hexdigest()
                connection.execute(delete(_records).where(_records.c.manifest_sha256 == digest))

    def __iter__(self) -> Iterator[Entry]:
        """All rows, latest first."""
        return self._select(true())

    def __len__(self) -> int:
        if not self._exists():
            return 0
        with self._connection() as connection:
            return connection.execute(select(func.count()).select_from(_records)).scalar_one()

    def _select(self, condition: Any) -> Iterator[Entry]:
        if not self._exists():
            return
        columns = _records.c.record, _records.c.manifest, _records.c.fingerprint
        with self._connection() as connection:
            for record, manifest, fingerprint in connection.execute(
                select(*columns).where(condition).order_by(_records.c.created.desc())
            ):
                try:
                    yield Entry(Record.from_dict(json.loads(record)), bytes(manifest), bytes(fingerprint))
                except (ValueError, AttributeError) as error:
                    raise InputError("bad_record", f"A row of the store {self.shown} is damaged: {error}.") from error

    def _exists(self) -> bool:
        if self._file and not self._file.exists():
            return False
        with self._connection() as connection:
            return inspect(connection).has_table(_records.name)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            reason = getattr(error, "orig", None) or error
            raise MachineError(
                "store", f"Cannot use the store {self.shown}: {reason}.", "Set FACEWRIGHT_STORE."
            ) from error

    def _create(self, file: Path) -> None:
        """Make the SQLite file under another name and link it in place: two first writers cannot collide."""
        if file.exists():
            return
        temporary = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o600))  # its rows hold paths and commands
            with closing(sqlite3.connect(temporary)) as database:
                database.execute("PRAGMA journal_mode=WAL")  # kept in the file: readers do not wait for the writer
            engine = create_engine(f"sqlite:///{temporary}", poolclass=NullPool)
            with engine.begin() as connection:
                _create_schema(connection)
            with suppress(FileExistsError):
                os.link(temporary, file)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise MachineError("store", f"Cannot create the store {file}: {error}.", "Set FACEWRIGHT_HOME.") from error
        finally:
            temporary.unlink(missing_ok=True)


def _create_schema(connection: Connection) -> None:
    connection.execute(CreateTable(_records, if_not_exists=True))
    for index in _records.indexes:
        connection.execute(CreateIndex(index, if_not_exists=True))
