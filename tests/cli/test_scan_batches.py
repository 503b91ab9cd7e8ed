"""Batches of `scan`: a line is whole or absent, and a batch broken off ends as one that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import facewright.detect.scan as scanner
import pytest
from facewright.cli.lines import Lines
from facewright.core.errors import InputError, MachineError, UsageError
from facewright.core.version import VERSION


def line(file, **options):
    return {"inputs": {"file": file, **options}, "version": VERSION, "error": None, "result": {"of": file}}


def test_lines_are_found_again(tmp_path):
    path = tmp_path / "lines.jsonl"
    with Lines(path, {}) as lines:
        lines.add(line("a"))
        lines.add(line("b\udcff ü\n"))  # names need not be UTF-8, nor lines
    with Lines(path, {}) as lines:
        assert "a" in lines
        assert "c" not in lines
        assert lines.of("b\udcff ü\n")["result"] == {"of": "b\udcff ü\n"}
        lines.add(line("c"))
        assert len(lines) == 3
    assert [json.loads(each)["result"]["of"] for each in path.read_bytes().splitlines()] == ["a", "b\udcff ü\n", "c"]


def test_what_is_left_of_a_line_is_cut_off(tmp_path):
    path = tmp_path / "lines.jsonl"
    with Lines(path, {}) as lines:
        lines.add(line("a"))
        first = path.stat().st_size
        lines.add(line("b"))
    whole = path.read_bytes()
    for end in range(first + 1, len(whole)):
        path.write_bytes(whole[:end])
        with Lines(path, {}) as lines:
            assert path.stat().st_size == first
            assert len(lines) == 1
            lines.add(line("b"))
        assert path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"a letter\n", b"a letter", b'{"inputs": 3}\n', b"\0\0\0\x18ftyp\n\n", b"[]\n"])
def test_other_files_are_not_touched(tmp_path, content):
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(InputError):
        Lines(path, {})
    assert path.read_bytes() == content


def test_other_options_and_other_runs(tmp_path):
    path = tmp_path / "lines.jsonl"
    with Lines(path, {"fps": 2.0}) as lines:
        lines.add(line("a", fps=2.0))
        with pytest.raises(MachineError) as busy:
            Lines(path, {"fps": 2.0})
        assert busy.value.code == "busy"
    with pytest.raises(UsageError) as other:
        Lines(path, {})
    assert other.value.code == "other_options"


def test_kill_9_leaves_whole_lines(tmp_path):
    path = tmp_path / "lines.jsonl"
    code = "import sys; from pathlib import Path; from facewright.cli.lines import Lines\n"
    code += "lines = Lines(Path(sys.argv[1]), {}); n = len(lines); print(n, flush=True)\n"
    code += f"while True: lines.add({{'inputs': {{'file': str(n)}}, 'version': {VERSION!r}, 'x': 'y' * 50000}}); n += 1"
    draw, before = random.Random(0), 0
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout
        assert int(child.stdout.readline()) >= before
        time.sleep(draw.uniform(0.02, 0.1))
        child.kill()
        child.wait()
        with Lines(path, {}) as lines:
            before = len(lines)
    whole = path.read_bytes()
    assert [json.loads(each)["inputs"]["file"] for each in whole.splitlines()] == [str(n) for n in range(before)]


@dataclass
class Seen:
    """As much of a scan report as the command asks for."""

    path: str
    evidence: str = "little"
    declared: bool = False

    def to_dict(self):
        detection = {"score": 0.5, "evidence": self.evidence, "false_alarms_per_100": 60.0, "abstained": False}
        detection |= {"reason": None, "detectors": {"told": 0.5}}
        body = {"input": str(self.path), "provenance": {"state": "nothing-found"}, "detection": detection}
        return body | {"faces": [], "seconds": 0.1, "video_seconds": 1.0, "warnings": [f"of {self.path}"]}

    def to_text(self, **_):
        return f"{self.path}\n  {self.evidence}"


@pytest.fixture
def looks(monkeypatch):
    """Every file looked at, in order; "bad" ones cannot be read, and at the one named here the run is broken off."""
    seen = []

    def scan(path, *, fps=None, progress):
        if os.environ.get("BREAK_AT") == path.name:
            raise KeyboardInterrupt
        seen.append(path.name)
        if path.name.startswith("bad"):
            raise InputError("unreadable", f"{path} is not there")
        return Seen(path, "strong" if path.name.startswith("odd") else "little")

    monkeypatch.setattr(scanner, "scan", scan)
    return seen


FILES = ["a.mp4", "bad.mp4", "odd.mp4", "b.mp4", "c.mp4"]


@pytest.mark.parametrize("at", FILES)
@pytest.mark.parametrize("options", [[], ["--fail-on", "strong", "--fps", "3"]])
def test_a_batch_broken_off_ends_as_one_that_was_not(facewright, looks, monkeypatch, tmp_path, at, options):
    unbroken = facewright("scan", *FILES, "--out", "whole.jsonl", "--json", *options)
    looks.clear()
    monkeypatch.setenv("BREAK_AT", at)
    assert facewright("scan", *FILES, "--out", "lines.jsonl", *options).code == 130
    monkeypatch.delenv("BREAK_AT")
    with (tmp_path / "lines.jsonl").open("ab") as stream:
        stream.write(b'{"input": "half a')
    again = facewright("scan", *FILES, "--out", "lines.jsonl", "--json", *options)
    assert looks == FILES  # each once
    assert (tmp_path / "lines.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert again.code == unbroken.code == (10 if options else 7)
    assert [answer["inputs"]["file"] for answer in again.answers] == FILES
    assert [answer["error"] for answer in again.answers] == [answer["error"] for answer in unbroken.answers]


def test_lines_are_answers(facewright, looks, tmp_path):
    printed = facewright("scan", "a.mp4", "bad.mp4", "--out", "lines.jsonl", "--json")
    kept = [json.loads(each) for each in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert kept == printed.answers
    assert kept[0]["warnings"] == ["of a.mp4"]
    assert kept[1]["error"]["code"] == "unreadable"


def test_names_need_not_be_text(facewright, looks, tmp_path):
    name = "a\udcff.mp4"
    answer = facewright("scan", name, "b.mp4", "--out", "lines.jsonl", "--json").answers[0]
    assert answer["inputs"]["file"] == answer["input"] == name
    assert json.loads((tmp_path / "lines.jsonl").read_text().splitlines()[0]) == answer
    assert facewright("scan", name).code == 0


def test_lists_of_names(facewright, looks, tmp_path):
    (tmp_path / "list.txt").write_text("a.mp4\r\n\nb.mp4\n")
    assert facewright("scan", "@list.txt", "c.mp4", "--json").code == 0
    assert looks == ["a.mp4", "b.mp4", "c.mp4"]
    assert facewright("scan", "@none.txt").code == 3


@pytest.mark.parametrize("option", ["--report", "--pdf", "--out"])
def test_outputs_are_files(facewright, looks, tmp_path, option):
    assert facewright("scan", "a.mp4", option, tmp_path).code == 2


def test_a_pdf_needs_a_browser(facewright, looks, monkeypatch):
    monkeypatch.setenv("PATH", "")
    outcome = facewright("scan", "a.mp4", "--pdf", "a.pdf", "--json")
    assert (outcome.code, outcome.answer["error"]["code"], looks) == (4, "no_browser", [])


@pytest.mark.slow
def test_a_batch_killed_at_any_moment(portrait_path, tmp_path):
    """The true command on true pictures, in processes, killed hard until it is through."""
    from PIL import Image

    names = [f"{number}.png" for number in range(4)]
    for number, name in enumerate(names):
        Image.open(portrait_path).resize((128 + 8 * number,) * 2).save(tmp_path / name)
    (tmp_path / names[2]).write_bytes(b"nothing")

    def command(out):
        words = [sys.executable, "-m", "facewright", "scan", *names, "--jobs", "2", "--out", out]
        return subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def lines(out):
        found = [json.loads(each) for each in (tmp_path / out).read_text().splitlines()]
        for each in found:
            for body in (each, each["result"] or {}):
                body.pop("seconds", None), body.pop("stages", None)
        return found

    assert command("whole.jsonl").wait(timeout=300) == 7
    for count in (1, 3):
        child = command("lines.jsonl")
        while child.poll() is None and (
            not (tmp_path / "lines.jsonl").exists() or (tmp_path / "lines.jsonl").read_bytes().count(b"\n") < count
        ):
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert command("lines.jsonl").wait(timeout=300) == 7
    assert lines("lines.jsonl") == lines("whole.jsonl")
