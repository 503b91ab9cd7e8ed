"""The audit: every way to change the store behind its back is found, and named for what it is."""

from __future__ import annotations

import pytest
from facewright.core.errors import UsageError
from facewright.provenance.store import Head
from facewright.provenance.store.log import ORIGIN


@pytest.fixture
def filled(store, record):
    for number in range(4):
        store.add(record(), b"manifest %d" % number, b"print %d" % number)
    store.remove(b"manifest 1")
    return store


def test_a_store_that_nobody_touched(filled):
    audit = filled.audit()
    assert (audit.findings, audit.rows, audit.head.index) == ((), 3, 4)
    assert audit.head == filled.head()
    assert filled.audit(filled.head()).findings == ()


def test_a_head_noted_earlier_stays_in_the_log(filled, record):
    head = Head.parse(str(filled.head()))
    filled.add(record(), b"later", b"")
    assert filled.audit(head).findings == ()


BEHIND_ITS_BACK = {
    "a row taken out": ("DELETE FROM records WHERE record_id = (SELECT max(record_id) FROM records)", "is missing"),
    "a record changed": ("UPDATE records SET record = record || ' '", "was changed"),
    "a fingerprint changed": ("UPDATE records SET fingerprint = manifest", "was changed"),
    "a manifest changed": ("UPDATE records SET manifest = fingerprint", "was changed"),
    "an id changed": ("UPDATE records SET record_id = 'feedfeedfeedfeed'", "was changed"),
    "a date changed": ("UPDATE records SET created = '2031'", "was changed"),
    "a line taken out": ('DELETE FROM log WHERE "index" = 2', "missing"),
    "the first line taken out": ('DELETE FROM log WHERE "index" = 0', "missing"),
    "a line changed": ("UPDATE log SET time = '2031' WHERE \"index\" = 2", "line 2 was changed"),
    "a line of another row": (
        "UPDATE log SET manifest_sha256 = repeat('a', 64) WHERE \"index\" = 2",
        "line 2 was changed",
    ),
    "a kind changed": ("UPDATE log SET kind = 'add' WHERE kind = 'remove'", "was changed"),
    "the tail cut off": ('DELETE FROM log WHERE "index" = 4', "is missing"),
    "the whole log taken out": ("DELETE FROM log", "not in the log"),
}


@pytest.mark.parametrize("deed", BEHIND_ITS_BACK)
def test_what_was_done_behind_its_back(filled, execute, url, deed):
    statement, said = BEHIND_ITS_BACK[deed]
    if url.startswith("sqlite"):
        statement = statement.replace("repeat('a', 64)", f"'{'a' * 64}'")
    execute(statement)
    assert any(said in finding for finding in filled.audit().findings), filled.audit().findings


def test_lines_put_in_another_order(filled, execute):
    for old, new in ((1, 99), (2, 1), (99, 2)):
        execute('UPDATE log SET "index" = :new WHERE "index" = :old', old=old, new=new)
    assert any("does not continue" in finding for finding in filled.audit().findings)


def test_a_row_slipped_in(filled, execute, record):
    execute(
        "INSERT INTO records (manifest_sha256, record_id, created, method, record, manifest, fingerprint) "
        "SELECT :digest, record_id, created, method, record, manifest, fingerprint FROM records LIMIT 1",
        digest="f" * 64,
    )
    assert any("not in the log" in finding for finding in filled.audit().findings)


def test_a_tail_cut_off_with_its_row_shows_against_a_noted_head(filled, execute, record):
    filled.add(record(record_id="e" * 16), b"last", b"")
    head = filled.head()
    execute('DELETE FROM log WHERE "index" = 5')
    execute("DELETE FROM records WHERE record_id = 'eeeeeeeeeeeeeeee'")
    assert filled.audit().findings == ()  # nothing inside the database tells
    assert "ends before the remembered head 5:" in filled.audit(head).findings[0]


def test_a_log_written_anew_shows_against_a_noted_head(filled, execute, record):
    head = filled.head()
    for table in ("records", "log", "lookup"):
        execute(f"DELETE FROM {table}")
    for number in range(6):
        filled.add(record(), b"other %d" % number, b"")
    assert filled.audit().findings == ()
    assert "does not contain the remembered head" in filled.audit(head).findings[0]


def test_a_store_that_vanished_shows_against_a_noted_head(store):
    assert store.audit(Head(-1, ORIGIN)).findings == ()
    assert store.audit(Head(3, "a" * 64)).findings


@pytest.mark.parametrize("text", ["", "4", "4:abc", "-2:" + "a" * 64, "x:" + "a" * 64, "4:" + "A" * 64])
def test_heads_that_cannot_be(text):
    with pytest.raises(UsageError):
        Head.parse(text)
