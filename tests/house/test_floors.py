"""A room imports only rooms below it, and names them the way they stand on disk."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def _imports(tree, path: Path) -> Iterator[tuple[str, str]]:
    """(room, what) of every import of our own package in a file."""
    package = path.relative_to(tree.root).parent.parts
    for node in ast.walk(tree.parse(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            for alias in node.names:
                room, *_ = [part for part in (*parts, alias.name) if part]
                yield room, alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "facewright":
            yield "facewright", node.module or ""
        elif isinstance(node, ast.Import):
            yield from (("facewright", alias.name) for alias in node.names if alias.name.split(".")[0] == "facewright")


def test_every_room_imports_only_rooms_below_it(tree):
    wrong = []
    for room, floor in tree.floors.items():
        for path in tree.python(room) if room != "facewright" else ():
            for imported, name in _imports(tree, path):
                if imported == room:
                    continue
                if tree.floors.get(imported, 0) >= floor or imported not in tree.floors:
                    wrong.append(f"{path.relative_to(tree.root)} imports {imported} ({name})")
    assert not wrong, "\n".join(wrong)


def test_the_scan_sees_a_forbidden_import(tree, tmp_path):
    path = tree.root / "core" / "errors.py"
    code = ast.parse("from ..generate import load\nfrom .. import cli\nimport facewright.detect")

    class Fake:
        root = tree.root

        def parse(self, _):
            return code

    assert [room for room, _ in _imports(Fake(), path)] == ["generate", "cli", "facewright"]


def test_every_folder_with_code_is_a_package(tree):
    folders = {path.parent for room in tree.floors for path in tree.python(room)}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]
