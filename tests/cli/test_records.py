"""store, keys, serve: what they answer."""

from __future__ import annotations

import os
import sqlite3

import pytest
from facewright.core.paths import home
from facewright.provenance import Record, Store, new_record_id
from facewright.provenance.fingerprint import digest


@pytest.fixture
def kept() -> list[Record]:
    """Three records in this installation's store."""
    made = []
    for day in (1, 2, 3):
        fields = {"created": f"2026-01-0{day}T00:00:00Z", "seconds": 2.0, "fingerprint_sha256": digest(b"print")}
        made.append(Record("m", "1", {}, day, {}, record_id=new_record_id(), **fields))
        Store().add(made[-1], b"manifest %d" % day, b"print")
    return made


def test_the_store_is_listed_and_shown(facewright, kept):
    found = facewright("store", "--json", "--limit", "2").answer["result"]
    assert (found["total"], [each["record_id"] for each in found["records"]]) == (
        3,
        [kept[2].record_id, kept[1].record_id],
    )
    assert "… 1 more" in facewright("store", "list", "--limit", "2").out
    shown = facewright("store", "show", kept[0].record_id, "--json").answer["result"]
    assert shown["record"]["seed"] == 1
    assert len(shown["manifests"]) == 1
    assert kept[0].record_id in facewright("store", "show", kept[0].record_id).out


def test_an_empty_store(facewright):
    assert facewright("store", "--json").answer["result"]["records"] == []
    assert "no records" in facewright("store").out
    assert facewright("store", "audit", "--json").answer["result"]["head"] == f"-1:{'0' * 64}"
    assert not home().exists()


@pytest.mark.parametrize("words", [["show"], ["export"], ["import"], ["audit", "--head", "x"], ["--limit", "0"]])
def test_the_store_asked_wrongly(facewright, words):
    assert facewright("store", *words, "--json").answer["error"]["exit_code"] == 2


def test_a_record_that_is_not_there(facewright, kept):
    outcome = facewright("store", "show", "0" * 16, "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "no_record")


def test_an_audit(facewright, kept):
    outcome = facewright("store", "audit", "--json")
    assert outcome.code == 0
    head = outcome.answer["result"]["head"]
    assert head.startswith("2:")
    assert facewright("store", "audit", "--head", head).code == 0
    with sqlite3.connect(home() / "records.sqlite") as database:
        database.execute("UPDATE records SET record_id = 'f00df00df00df00d' WHERE created LIKE '2026-01-02%'")
    outcome = facewright("store", "audit", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (10, "store_changed")
    assert len(outcome.answer["result"]["findings"]) == 1
    assert "they disagree" in facewright("store", "audit").out


def test_export_and_import(facewright, kept, tmp_path):
    """Rows that were never signed leave, but do not arrive; test_transfer.py has those that do."""
    assert facewright("store", "export", "records.jsonl", "--json").answer["result"]["exported"] == 3
    assert facewright("store", "export", "records.jsonl").code == 2
    assert facewright("store", "export", "records.jsonl", "--force").code == 0
    url = f"sqlite:///{tmp_path / 'other.db'}"
    outcome = facewright("store", "import", "records.jsonl", "--store", url, "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (7, "partial")
    assert [each["line"] for each in outcome.answer["result"]["refused"]] == [2, 3, 4]
    assert "line 2: refused" in facewright("store", "import", "records.jsonl", "--store", url).out
    assert facewright("store", "import", "absent.jsonl").code == 3


def test_keys_from_first_to_last(facewright, monkeypatch):
    assert "none yet" in facewright("keys").out
    assert facewright("keys", "new", "--json").answer["result"]["signer"]["origin"] == "local"
    assert facewright("keys", "new", "--json").answer["error"]["code"] == "key_exists"
    assert facewright("keys", "rotate").code == 0
    found = facewright("keys", "list", "--json").answer["result"]
    assert (found["signer"]["encrypted"], len(found["retired"]), found["mark_key"]["private"]) == (False, 1, False)
    assert facewright("keys", "new", "--mark-key", "--json").answer["result"]["mark_key"]["private"] is True
    assert len(facewright("keys", "rotate", "--mark-key", "--json").answer["result"]["mark_key"]["retired"]) == 1
    text = facewright("keys").out
    assert all(word in text for word in ("not encrypted", "retired, still read", "until"))
    monkeypatch.setenv("FACEWRIGHT_SIGNER", "absent")
    outcome = facewright("keys", "--json")
    assert "absent" in outcome.answer["result"]["signer"]["problem"]
    assert "cannot be used" in facewright("keys").out


def test_a_request(facewright, tmp_path):
    words = ["keys", "request", "--subject", "CN=Press office,O=Example", "-o", "request.csr"]
    assert facewright(*words, "--json").answer["result"]["request"] == "request.csr"
    assert "CERTIFICATE REQUEST" in (tmp_path / "request.csr").read_text()
    assert facewright(*words).code == 2
    assert "request    open" in facewright("keys").out
    assert facewright("keys", "import", "request.csr").code == 6
    for words in (["request"], ["import"]):
        assert facewright("keys", *words).code == 2


def test_serve_says_what_is_missing(facewright, monkeypatch):
    assert facewright("serve", "--host", "0.0.0.0", "--json").answer["error"]["code"] == "token_missing"
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    outcome = facewright("serve", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (5, "serve_missing")
    assert "facewright[serve]" in outcome.answer["error"]["hint"]
    assert not os.path.exists(home())
