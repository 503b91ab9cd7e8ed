"""A corpus made by running a method: sealed clips, an honest index, and a run that goes on where it was."""

from __future__ import annotations

import shutil

import pytest
from facewright.core.errors import UsageError
from facewright.datasets.index import read_index
from facewright.generate.synthesis import Plan, synthesize
from facewright.provenance import verify


@pytest.fixture
def portraits(portrait_path, tmp_path):
    """Two pictures of one person and one of another."""
    files = [tmp_path / name for name in ("anna_1.png", "anna_2.png", "bert_1.png")]
    for file in files:
        shutil.copyfile(portrait_path, file)
    return files


def plan(pictures, voice, **changes):
    fields = {"portraits": pictures, "voices": [voice], "count": 3, "seconds": 0.4, "size": 384}
    return Plan(**{**fields, "identity": "^([a-z]+)_", "licence": "A: public domain", **changes})


def test_clips_are_sealed_and_listed_by_person(portraits, speech_path, tmp_path):
    entries = read_index(synthesize(plan(portraits, speech_path), tmp_path / "corpus"))
    assert sorted(entry.source for entry in entries) == ["anna_1", "anna_2", "bert_1"]
    assert {entry.identity for entry in entries} == {"anna", "bert"}
    for entry in entries:
        found = verify(tmp_path / "corpus" / entry.video)
        assert found.state == "valid-untrusted"
        assert found.record
        assert (entry.generator, entry.label, entry.marked) == ("meshwarp", "synthetic", True)
    assert len({verify(tmp_path / "corpus" / entry.video).record_id for entry in entries}) == 3


def test_a_broken_run_goes_on_and_other_options_add(portraits, speech_path, tmp_path):
    out = tmp_path / "corpus"
    synthesize(plan(portraits, speech_path, count=2), out)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mp4")}
    entries = read_index(synthesize(plan(portraits, speech_path), out))
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mp4")}
    assert before.items() < after.items()
    assert len(after) == len(entries) == 3
    assert {
        entry.video for entry in read_index(synthesize(plan(portraits, speech_path, count=1, seed=1), out))
    }.isdisjoint(after)


@pytest.mark.parametrize("changes", [{"portraits": []}, {"count": 0}, {"identity": "x+"}, {"identity": "("}])
def test_what_cannot_be_is_said(changes, portraits, speech_path, tmp_path):
    with pytest.raises(UsageError):
        synthesize(plan(portraits, speech_path, **changes), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_the_command(portraits, speech_path, tmp_path):
    from facewright.cli.main import run

    words = ["--portraits", tmp_path, "--voices", speech_path, "--count", 1, "--seconds", 0.4, "--size", 384]
    assert run([str(word) for word in ["datasets", "synthesize", tmp_path / "out", *words, "--quiet"]]) == 0
    assert len(read_index(tmp_path / "out" / "index.jsonl")) == 1
