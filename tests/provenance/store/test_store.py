"""The store: rows survive, writers do not disturb each other, damage is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from facewright.core.errors import InputError, MachineError, UsageError
from facewright.core.paths import home
from facewright.provenance import Store


def test_what_is_added_is_found(store, url, record):
    kept = record(command=("facewright", "\udcff\0 Grüße"))
    assert store.get(kept.record_id) is None
    assert len(store) == 0
    assert [*store] == [*store.records()] == store.by_content(None) == []
    store.remove(b"manifest")
    store.add(kept, b"manifest", b"fingerprint")
    entry = Store(url).get(kept.record_id)
    assert entry
    assert (entry.record, entry.manifest, entry.fingerprint) == (kept, b"manifest", b"fingerprint")
    assert len(store) == 1
    store.remove(b"manifest")
    assert store.get(kept.record_id) is None


def test_asking_makes_no_file_and_adding_makes_a_private_one(record):
    assert Store().get("0" * 16) is None
    assert Store().audit().findings == ()
    assert not home().exists()
    Store().add(record(), b"manifest", b"")
    assert (home() / "records.sqlite").stat().st_mode & 0o777 == 0o600


def test_two_files_of_one_clip_share_an_id(store, record):
    first = record()
    second = record(record_id=first.record_id, created="2026-02-02T00:00:00Z")
    store.add(first, b"first", b"")
    store.add(second, b"second", b"")
    assert [entry.manifest for entry in store.all_of(first.record_id)] == [b"second", b"first"]
    assert store.get(first.record_id).manifest == b"second"
    assert [each.created for each in store.records(limit=1)] == [second.created]
    store.remove(b"second")
    assert [entry.manifest for entry in store] == [b"first"]
    with pytest.raises(MachineError):
        store.add(first, b"first", b"")
    assert len(store) == 1
    assert store.audit().findings == ()


def test_another_database_by_variable(record, monkeypatch, url):
    monkeypatch.setenv("FACEWRIGHT_STORE", url)
    Store().add(record(), b"manifest", b"")
    assert len(Store()) == 1
    assert not (home() / "records.sqlite").exists()


def test_a_store_in_memory(record):
    store, kept = Store("sqlite://"), record()
    assert store.get(kept.record_id) is None
    store.add(kept, b"manifest", b"")
    assert store.get(kept.record_id)
    assert store.audit().rows == 1


@pytest.mark.parametrize("url", ["nonsense", "nosuchdb://user:secret@host/db"])
def test_urls_that_cannot_be(url):
    with pytest.raises(UsageError) as caught:
        Store(url)
    assert caught.value.code == "store_url"
    assert "secret" not in str(caught.value)


def test_a_missing_driver_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError) as caught:
        Store("postgresql://user:secret@nowhere/db")
    assert "facewright[postgres]" in caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away(record):
    pytest.importorskip("psycopg")
    store = Store("postgresql://user:secret@127.0.0.1:1/db")
    for ask in (lambda: store.get("0" * 16), lambda: store.add(record(), b"m", b"")):
        with pytest.raises(MachineError) as caught:
            ask()
        assert caught.value.code == "store"
        assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database(record, tmp_path):
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    for ask in (lambda: store.get("0" * 16), lambda: store.add(record(), b"m", b"")):
        with pytest.raises(MachineError) as caught:
            ask()
        assert caught.value.code == "store"


def test_a_damaged_row_is_named(store, record, execute):
    kept = record()
    store.add(kept, b"manifest", b"")
    execute("UPDATE records SET record = '{\"a\"\\: '")
    with pytest.raises(InputError) as caught:
        store.get(kept.record_id)
    assert caught.value.code == "bad_record"


WRITER = """
import sys
from facewright.provenance import Record, Store, new_record_id
for _ in range(10):
    made = Record("m", "1", {}, 0, {}, record_id=new_record_id(), created="2026")
    Store(sys.argv[1]).add(made, new_record_id().encode(), b"")
"""


def test_many_first_writers_at_once_keep_one_chain(store, url):
    command = [sys.executable, "-c", WRITER, url]
    runs = [subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE) for _ in range(4)]
    while any(run.poll() is None for run in runs):
        assert store.audit().findings == ()  # sees one state, whatever is being written
    for run in runs:
        _, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors
    assert len(store) == 40
    audit = store.audit()
    assert (audit.head.index, audit.rows, audit.findings) == (39, 40, ())


def test_no_first_writer_leaves_anything_behind(record):
    for _ in range(2):
        Store().add(record(), record().record_id.encode(), b"")
    assert {path.name for path in Path(home()).iterdir()} <= {
        "records.sqlite",
        "records.sqlite-wal",
        "records.sqlite-shm",
    }
