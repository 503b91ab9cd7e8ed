"""The source tree, as the tests of the house look at it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

FLOORS = {"core": 1, "provenance": 2, "datasets": 3, "generate": 4, "detect": 4, "serve": 5, "cli": 6, "facewright": 7}


@dataclass(frozen=True)
class Tree:
    """Where the rooms stand, and the files in them."""

    root: Path

    @property
    def floors(self) -> dict[str, int]:
        return FLOORS

    def python(self, *folders: str) -> Iterator[Path]:
        """Python files of these folders, or of every folder that holds code."""
        for folder in folders or (*FLOORS, "tests", "scripts", "benchmarks"):
            yield from sorted((self.root / folder).rglob("*.py"))

    def pages(self) -> Iterator[Path]:
        """Everything written for people."""
        yield from sorted([*self.root.glob("*.md"), *(self.root / "docs").rglob("*.md")])

    def parse(self, path: Path) -> ast.Module:
        return ast.parse(path.read_text("utf-8"), str(path))


@pytest.fixture(scope="session")
def tree() -> Tree:
    return Tree(Path(__file__).resolve().parents[2])
