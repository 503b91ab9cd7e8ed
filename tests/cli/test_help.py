"""Help is quick, and loads nothing heavy."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from facewright.cli.main import facewright as group
from facewright.cli.verb import leaves

PROBE = """
import sys
from facewright.cli.main import run
code = run(sys.argv[1:])
print("loaded:", *({"torch", "numpy", "cv2", "av", "mediapipe", "sklearn", "rich", "sqlalchemy"} & set(sys.modules)))
sys.exit(code)
"""


def _cpu_seconds(command: list[str]) -> tuple[float, str]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


@pytest.mark.parametrize("words", [[], ["--version"], *([name, "--help"] for name in group.commands)])
def test_help_is_quick_and_light(words):
    """CPU time, for a busy machine stretches any clock; the second and third try are for a cold disk."""
    for _ in range(3):
        seconds, text = _cpu_seconds([sys.executable, "-c", PROBE, *words])
        assert text.endswith("loaded:\n")
        if seconds < 0.3:
            return
    pytest.fail(f"{seconds:.2f} s")


def test_bare_help_is_not_a_failure(facewright):
    outcome = facewright()
    assert outcome.code == 0
    assert "Every video written here is watermarked and signed" in outcome.out


@pytest.mark.parametrize("words", {**group.commands, **leaves(group)})
def test_every_page_starts_with_a_sentence_and_ends_with_examples(facewright, words):
    outcome = facewright(*words.split(), "--help")
    assert outcome.code == 0
    assert outcome.out.rstrip().splitlines()[-1].strip().startswith(("facewright ", "find "))
    assert ({**group.commands, **leaves(group)}[words].help or "").splitlines()[0].endswith(".")


@pytest.mark.parametrize("word", ["watermark", "no-mark", "no-sign", "mark", "sign"])
def test_no_option_turns_marking_off(word):
    options = {name for command in leaves(group).values() for param in command.params for name in param.opts}
    assert not [name for name in options if name.strip("-") == word]
