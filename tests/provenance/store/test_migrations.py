"""Stores of earlier versions: upgraded in place, wholly or not at all, by one of several who come first."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest
from alembic.script import ScriptDirectory
from facewright.core.errors import MachineError
from facewright.provenance import Store
from facewright.provenance.store import database, schema
from sqlalchemy import create_engine, insert, inspect


@pytest.fixture
def old(url, record):
    """A store as version 0.1.0 made it: one table, no word of revisions. Its records."""
    kept = [record(created=f"2026-01-0{day}") for day in (1, 2, 3)]
    engine = create_engine(url)
    with engine.begin() as connection:
        schema.records.create(connection)
        for number, each in enumerate(kept):
            digest = hashlib.sha256(b"m%d" % number).hexdigest()
            row = {"manifest_sha256": digest, "record_id": each.record_id, "created": each.created}
            row |= {"method": each.method, "record": json.dumps(each.to_dict()), "manifest": b"m%d" % number}
            connection.execute(insert(schema.records), row | {"fingerprint": b""})
    engine.dispose()
    return kept


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_the_newest_revision_is_the_last_script():
    folder = os.path.dirname(database.__file__)
    assert ScriptDirectory(os.path.join(folder, "migrations")).get_current_head() == schema.REVISION


def test_migrated_tables_are_those_of_the_schema(store, url, record):
    store.add(record(), b"m", b"")
    found = inspect(engine := create_engine(url))
    for table in (schema.records, schema.log, schema.lookup):
        columns = {
            column["name"]: (str(column["type"]), column["nullable"]) for column in found.get_columns(table.name)
        }
        made = {column.name: (column.type.compile(engine.dialect), column.nullable) for column in table.columns}
        assert columns == made
        indexed = {tuple(index["column_names"]) for index in found.get_indexes(table.name)}
        assert indexed == {tuple(column.name for column in index.columns) for index in table.indexes}
    engine.dispose()


def test_asking_an_old_store_leaves_it_as_it_is(old, url):
    store = Store(url)
    assert len(store) == 3
    assert store.get(old[0].record_id).record == old[0]
    assert tables(url) == {"records"}


def test_an_old_store_is_upgraded_in_place(old, url, record):
    store = Store(url)
    store.add(record(), b"new", b"")
    assert len(store) == 4
    assert store.get(old[2].record_id).record == old[2]
    audit = store.audit()
    assert (audit.head.index, audit.rows, audit.findings) == (3, 4, ())
    assert tables(url) == {"records", "log", "lookup", "alembic_version"}


def test_an_upgrade_that_fails_changes_nothing(old, url, record, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    store = Store(url)
    monkeypatch.setattr(store._database, "_fill", full)
    with pytest.raises(MachineError, match="no space"):
        store.add(record(), b"new", b"")
    assert tables(url) == {"records"}
    assert len(Store(url)) == 3
    Store(url).add(record(), b"new", b"")
    assert len(Store(url)) == 4


def test_a_store_of_a_newer_version_is_not_touched(store, record, execute):
    kept = record()
    store.add(kept, b"m", b"")
    execute("UPDATE alembic_version SET version_num = '99'")
    with pytest.raises(MachineError, match="revision") as caught:
        store.add(record(), b"n", b"")
    assert "newer" in caught.value.hint
    assert store.get(kept.record_id).record == kept


FIRST = "import sys; from facewright.provenance import Store; print(Store(sys.argv[1]).audit().head)"


def test_several_who_come_first_upgrade_once(old, url):
    command = [sys.executable, "-c", FIRST, url]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    said = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert len({out for out, _ in said}) == 1
    assert said[0][0].startswith(b"2:")
