"""A short run of `scripts/fuzz.py`; what longer runs found has tests of its own beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FUZZ, COUNT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz.py", 96


def test_mutated_inputs(tmp_path):
    command = [sys.executable, str(FUZZ), "--first", "1", "--count", str(COUNT), "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["inputs"] == COUNT
    assert report["findings"] == []
    assert {"invalid", "trusted", "recovered"} <= {outcome.split(": ")[1] for outcome in report["outcomes"]}
