"""A short run of `scripts/fuzz.py`, and the inputs that once found something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[2] / "scripts" / "fuzz.py"
FOUND = (10337, 15256, 36965)  # a number for bytes in the store; a certificate of version 10; a damaged database


@pytest.mark.parametrize(("first", "count"), [(1, 96), *((number, 1) for number in FOUND)])
def test_mutated_inputs(tmp_path_factory, first, count):
    work = tmp_path_factory.getbasetemp() / "fuzz"
    command = [sys.executable, str(FUZZ), "--first", str(first), "--count", str(count), "--work", str(work)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["inputs"] == count
    assert report["findings"] == []
    if count > 50:
        states = {outcome.split(": ")[1] for outcome in report["outcomes"]}
        assert {"invalid", "trusted", "recovered", "error trust_list"} <= states
