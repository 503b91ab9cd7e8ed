"""The tables as they are now; how older stores come to have them is in `migrations`."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, Text

REVISION = "2"  # of the newest migration

_metadata = MetaData()

records = Table(
    "records",
    _metadata,
    Column("manifest_sha256", String(64), primary_key=True),  # two files of one clip share its id, not their manifest
    Column("record_id", String(16), nullable=False, index=True),
    Column("created", String(32), nullable=False, index=True),
    Column("method", String(64), nullable=False),
    Column("record", Text, nullable=False),  # JSON of Record.to_dict()
    Column("manifest", LargeBinary, nullable=False),  # application/c2pa, as signed
    Column("fingerprint", LargeBinary, nullable=False),  # Fingerprint.to_bytes()
)

log = Table(
    "log",
    _metadata,
    Column("index", Integer, primary_key=True, autoincrement=False),  # 0, 1, 2, … without a gap
    Column("time", String(32), nullable=False),  # UTC, ISO 8601
    Column("kind", String(8), nullable=False),  # add, remove, import
    Column("manifest_sha256", String(64), nullable=False),
    Column("row_sha256", String(64), nullable=False),  # of the whole row, see log.row_digest
    Column("previous", String(64), nullable=False),  # hash of the line before
    Column("hash", String(64), nullable=False),
)

lookup = Table(  # derived from the rows; narrow, so that a search reads little
    "lookup",
    _metadata,
    Column("manifest_sha256", String(64), primary_key=True),
    Column("label", Text, index=True),  # of the active manifest
    Column("looks", LargeBinary, nullable=False),  # 8 bytes a view, see search.looks
)
