"""Running the command line inside the test's process, and reading what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from facewright.cli.main import run
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).resolve().parents[2] / "core" / "schemas"


@dataclass(frozen=True)
class Outcome:
    """Exit code, stdout and stderr of a run."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout, checked against its schema."""
        (answer,) = self.answers
        return answer

    @property
    def answers(self) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.out.splitlines()]
        for answer in found:
            assert list(_validator(answer["schema"].split(".")[1].split("/")[0]).iter_errors(answer)) == []
            assert answer["ok"] == (answer["error"] is None)
        return found


@cache
def _validator(command: str) -> Draft202012Validator:
    schemas = {path.name: json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json")}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    registry = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in schemas.items())
    return Draft202012Validator(
        schemas[f"{command}.json" if f"{command}.json" in schemas else "answer.json"], registry=registry
    )


@pytest.fixture
def facewright(capsys, monkeypatch, tmp_path) -> Callable[..., Outcome]:
    """Run one command line, from a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        code = run([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    return call
