"""`facewright datasets`: list, prepare and check, in words and in JSON, with their exit codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from facewright.core.media import VideoWriter
from facewright.datasets.index import read_index


@pytest.fixture
def root(tmp_path) -> Path:
    """A folder of clips, one of them not unpacked."""
    for number, name in enumerate(("genuine/ann/a.mp4", "genuine/bob/b.mp4", "synthetic/ours/cy/c.mp4")):
        (tmp_path / "set" / name).parent.mkdir(parents=True)
        with VideoWriter(tmp_path / "set" / name, width=64, height=64, fps=25) as writer:
            writer.write(np.full((5, 64, 64, 3), 60 * number, np.uint8))
    (tmp_path / "set" / "more.zip").write_bytes(b"PK")
    return tmp_path / "set"


def test_list(facewright):
    named = [each["name"] for each in facewright("datasets", "list", "--json").answer["result"]["readers"]]
    assert {"faceforensics", "celebdf", "celebdf++", "dfdc", "folders"} < set(named)
    assert all(name in facewright("datasets", "list").out for name in named)
    (one,) = facewright("datasets", "list", "celebdf", "--json").answer["result"]["readers"]
    text = facewright("datasets", "list", "celebdf").out
    assert all(words in text for words in (one["licence"], *one["layout"], *one["traps"]))
    assert facewright("datasets", "list", "celeb").code == 2


def test_prepare_and_check(facewright, root):
    outcome = facewright("datasets", "prepare", "folders", "set", "--out", "index.jsonl", "--splits", "none", "--json")
    result = outcome.answer["result"]
    assert outcome.code == 0
    assert (result["clips"], result["people"], result["splits"]) == (3, 3, "none")
    assert result["skipped"] == [{"path": "more.zip", "reason": "not unpacked"}]
    assert len(read_index("index.jsonl")) == 3

    again = facewright("datasets", "prepare", "folders", "set", "--out", "index.jsonl", "--json")
    assert (again.code, again.answer["error"]["code"]) == (2, "output_exists")
    words = facewright("datasets", "prepare", "folders", "set", "--out", "index.jsonl", "--force")
    assert words.code == 0
    assert "left out, not unpacked: more.zip" in words.out

    joined = facewright("datasets", "join", "index.jsonl", "index.jsonl", "--out", "all.jsonl", "--json")
    assert (joined.code, joined.answer["result"]["clips"]) == (0, 3)
    assert facewright("datasets", "join", "index.jsonl", "--out", "all.jsonl").code == 2
    checked = facewright("datasets", "check", "index.jsonl", "--json")
    assert checked.code == 0
    assert checked.answer["result"]["labels"] == {"genuine": 2, "synthetic": 1}
    (root / "genuine/ann/a.mp4").unlink()
    found = facewright("datasets", "check", "index.jsonl", "--deep", "--json")
    assert (found.code, found.answer["error"]["code"]) == (10, "corpus_flawed")
    assert [each["code"] for each in found.answer["result"]["findings"] if each["grave"]] == ["missing"]
    text = facewright("datasets", "check", "index.jsonl").out
    assert "! missing: files of the index are not there (1)" in text
    assert "set/genuine/ann/a.mp4" in text


def test_what_cannot_be_read(facewright, root):
    cases = {
        ("prepare", "dfdc", "set", "--out", "x.jsonl"): "bad_corpus",
        ("prepare", "folders", "nowhere", "--out", "x.jsonl"): "unreadable",
        ("check", "nowhere.jsonl"): "unreadable",
        ("check", "set/more.zip"): "bad_index",
    }
    for words, code in cases.items():
        outcome = facewright("datasets", *words, "--json")
        assert (outcome.code, outcome.answer["error"]["code"]) == (3, code)
    assert not Path("x.jsonl").exists()
