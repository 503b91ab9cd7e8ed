"""How a run ends: exit codes, and one JSON object whatever happens."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
import time

import pytest
from facewright.core import weights
from facewright.core.errors import (
    AssetError,
    FacewrightError,
    InputError,
    MachineError,
    RefusedError,
    UsageError,
    VerifyError,
)


@pytest.fixture
def failing(monkeypatch):
    """Let `facewright weights` raise something."""

    def install(failure: BaseException) -> None:
        def records():
            raise failure

        monkeypatch.setattr(weights, "records", records)

    return install


OURS = [
    (FacewrightError("internal", "m", "h"), 1),
    (UsageError("usage", "m", "h"), 2),
    (InputError("no_face", "m", "h"), 3),
    (MachineError("busy", "m", "h"), 4),
    (AssetError("weights_missing", "m", "h"), 5),
    (RefusedError("mark_failed", "m", "h"), 6),
    (VerifyError("tampered", "m", "h"), 10),
]


@pytest.mark.parametrize(("failure", "code"), OURS)
def test_our_errors_end_with_their_code(facewright, failing, failure, code):
    failing(failure)
    outcome = facewright("weights", "--json")
    assert outcome.code == code
    assert outcome.answer["error"] == failure.to_dict()
    outcome = facewright("weights")
    assert outcome.out == ""
    assert outcome.err == f"error ({failure.code}): m\nhint: h\n"


@pytest.mark.parametrize(
    ("failure", "code", "name"),
    [
        (MemoryError(), 4, "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), 4, "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), 4, "disk_full"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 4, "read_only"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("division by zero"), 1, "internal"),
    ],
)
def test_other_failures_are_named(facewright, failing, failure, code, name):
    failing(failure)
    outcome = facewright("weights", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (code, name)
    assert "Traceback" not in outcome.err


def test_our_bug_says_what_to_send_and_shows_the_traceback_on_request(facewright, failing, monkeypatch):
    failing(ZeroDivisionError("division by zero"))
    quiet = facewright("weights")
    assert "facewright doctor --json" in quiet.err
    assert "Traceback" not in quiet.err
    assert "Traceback" in facewright("weights", "-vv").err
    monkeypatch.setenv("FACEWRIGHT_LOG", "debug")
    assert "Traceback" in facewright("weights").err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense", "--json"],
        ["--json"],
        ["verify", "--json"],
        ["verify", "--json", "--nonsense"],
        ["generate", "face.jpg", "--json"],
        ["generate", "face.jpg", "speech.wav", "--json"],
        ["generate", "face.jpg", "speech.wav", "-o", "o.mp4", "--preview", "soon", "--json"],
        ["generate", "face.jpg", "speech.wav", "-o", "o.mp4", "--set", "level", "--json"],
        ["generate", "face.jpg", "speech.wav", "-o", "o.mp4", "--method", "none", "--json"],
        ["weights", "check", "none", "--json"],
        ["config", "show", "none", "--json"],
    ],
)
def test_wrong_usage_is_code_2_and_still_one_object(facewright, words):
    outcome = facewright(*words)
    assert outcome.code == 2
    error = outcome.answer["error"]
    assert error["exit_code"] == 2
    assert error["message"]
    assert error["hint"]


def test_a_missing_file_is_an_input_error(facewright):
    outcome = facewright("verify", "none.mp4", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "unreadable")
    assert outcome.answer["inputs"] == {"files": ["none.mp4"]}


def test_a_closed_pipe_is_141():
    process = _start("-m", "facewright", "methods")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


def _start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_unwinds_the_stack(number, code):
    script = """
import sys, time
from facewright.core import weights
from facewright.cli.main import run

def records():
    try:
        print("ready", flush=True)
        time.sleep(30)
    finally:
        print("cleaned", flush=True)

weights.records = records
sys.exit(run(["weights"]))
"""
    process = _start("-c", script)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "cleaned\n")


def test_events_tell_the_story(facewright, tmp_path):
    assert facewright("weights", "--events", "events.jsonl").code == 0
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["start", "done"]
    assert lines[-1]["ok"] is True
    facewright("verify", "none.mp4", "--events", "events.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert lines[-1]["event"] == "failed"
    assert lines[-1]["error"]["code"] == "unreadable"


def test_events_that_cannot_be_written_are_a_usage_error(facewright):
    assert facewright("weights", "--events", "none/events.jsonl").code == 2
