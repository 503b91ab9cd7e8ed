"""The store: rows survive, writers do not disturb each other, damage is named."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from facewright.core.errors import InputError, MachineError, UsageError
from facewright.core.paths import home
from facewright.provenance import Draft, Record, Store, new_record_id


def record(draft: Draft, **fields) -> Record:
    taken = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    return Record(**{**taken, "record_id": new_record_id(), "created": "2026-01-02T03:04:05Z", **fields})


def test_what_is_added_is_found(draft):
    store, kept = Store(), record(draft)
    assert store.get(kept.record_id) is None
    assert len(store) == 0
    assert not (home() / "records.sqlite").exists()  # asking makes nothing
    store.add(kept, b"manifest", b"fingerprint")
    entry = Store().get(kept.record_id)
    assert entry
    assert (entry.record, entry.manifest, entry.fingerprint) == (kept, b"manifest", b"fingerprint")
    assert (home() / "records.sqlite").stat().st_mode & 0o777 == 0o600
    store.remove(b"manifest")
    assert store.get(kept.record_id) is None


def test_two_files_of_one_clip_share_an_id(draft):
    store, first = Store(), record(draft)
    store.add(first, b"first", b"")
    store.add(record(draft, record_id=first.record_id, created="2026-02-02T00:00:00Z"), b"second", b"")
    entry = store.get(first.record_id)
    assert entry
    assert entry.manifest == b"second"
    store.remove(b"second")
    assert [entry.manifest for entry in store] == [b"first"]
    with pytest.raises(MachineError):
        store.add(first, b"first", b"")


def test_another_database_by_variable(draft, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEWRIGHT_STORE", f"sqlite:///{tmp_path / 'other.db'}")
    Store().add(record(draft), b"manifest", b"")
    assert len(Store()) == 1
    assert not (home() / "records.sqlite").exists()


def test_a_store_in_memory(draft):
    store, kept = Store("sqlite://"), record(draft)
    assert store.get(kept.record_id) is None
    store.add(kept, b"manifest", b"")
    assert store.get(kept.record_id)


@pytest.mark.parametrize("url", ["nonsense", "nosuchdb://user:secret@host/db"])
def test_urls_that_cannot_be(url):
    with pytest.raises(UsageError) as caught:
        Store(url)
    assert caught.value.code == "store_url"
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database(draft, tmp_path):
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    for ask in (lambda: store.get("0" * 16), lambda: store.add(record(draft), b"m", b"")):
        with pytest.raises(MachineError) as caught:
            ask()
        assert caught.value.code == "store"


def test_a_damaged_row_is_named(draft):
    store, kept = Store(), record(draft)
    store.add(kept, b"manifest", b"")
    with sqlite3.connect(home() / "records.sqlite") as database:
        database.execute("UPDATE records SET record = '{\"a\": ' ")
    with pytest.raises(InputError) as caught:
        store.get(kept.record_id)
    assert caught.value.code == "bad_record"


WRITER = """
import sys
from facewright.provenance import Record, Store, new_record_id
for _ in range(10):
    Store().add(Record("m", "1", {}, 0, {}, record_id=new_record_id(), created="2026"), new_record_id().encode(), b"")
"""


def test_many_first_writers_at_once():
    runs = [subprocess.Popen([sys.executable, "-c", WRITER], env=os.environ, stderr=subprocess.PIPE) for _ in range(4)]
    for run in runs:
        _, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors
    assert len(Store()) == 40
    assert {path.name for path in Path(home()).iterdir()} <= {
        "records.sqlite",
        "records.sqlite-wal",
        "records.sqlite-shm",
    }
