"""What one run of the command line knows about itself, and the answer it gives."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.version import VERSION
from .events import Events


@dataclass
class Answer:
    """What a command found out: `result` for machines, `text` for people.

    Attributes:
        result: fixed names, see docs/reference/json.md.
        text: what a person reads on stdout.
        exit_code: of this answer; a run ends with the worst of its answers.
        inputs: what it was made from, if not simply the command's arguments.
        error: the `error` object when this item failed.
        lift: show the result's fields at the top level too (`scan`, one line a file).
    """

    result: dict[str, Any] | None
    text: str = ""
    exit_code: int = 0
    inputs: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    lift: bool = False


@dataclass
class Session:
    """One run: how it speaks and what it has collected.

    Attributes:
        json: answer with JSON on stdout.
        verbosity: -1 errors, 0 warnings, 1 info, 2 debug.
        log_format: "text" or "json".
        command: the verb, once known.
        inputs: its arguments, once known.
        warnings: what the user was warned of, for `warnings` of the answer.

        events: sink of `--events`.
        config: the settings file named on the command line or by a variable.
        settings: option → file, for values that a settings file gave.
    """

    json: bool = False
    verbosity: int = 0
    log_format: str = "text"
    command: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    events: Events = field(default_factory=Events)
    config: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)

    def say(self, answer: Answer) -> None:
        """Put one answer on stdout and keep it for `--events`."""
        body = self.envelope(answer)
        self.events.write("failed" if answer.error else "done", **body)
        text = json.dumps(body, ensure_ascii=False, default=str) if self.json else answer.text
        if text:
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # names of files need not be UTF-8
            sys.stdout.write(text.rstrip("\n") + "\n")
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """A line on stderr for a person who watches."""
        if self.verbosity >= 0 and self.log_format == "text":
            print(text, file=sys.stderr, flush=True)

    def envelope(self, answer: Answer) -> dict[str, Any]:
        """The one form of every `--json` answer."""
        body = {
            "schema": f"facewright.{self.command or 'usage'}/1",
            "ok": answer.error is None,
            "command": self.command,
            "version": VERSION,
            "inputs": self.inputs if answer.inputs is None else answer.inputs,
            "result": answer.result,
            "warnings": list(self.warnings),
            "error": answer.error,
        }
        return (answer.result or {}) | body if answer.lift else body


def worst(codes: list[int]) -> int:
    """Exit code of several answers: a negative finding, then any failure (7 if among several), then "cannot tell"."""
    failures = [code for code in codes if code not in (0, 10, 11)]
    if 10 in codes:
        return 10
    if failures:
        return failures[0] if len(codes) == 1 else 7
    return max(codes, default=0)
