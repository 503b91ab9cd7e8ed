"""What is installed is what stands in the tree, and nothing else comes along."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

KINDS = {".py", ".json", ".safetensors", ".npz", ".html", ".css", ".sql", ".toml"}


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory) -> set[str]:
    """Names in the wheel built from a copy of the tree."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(tree.root / name, copy)
    for room in tree.floors:
        shutil.copytree(tree.root / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def _files(tree) -> set[Path]:
    """Every file of the rooms, as a path from the root."""
    found = (path for room in tree.floors for path in (tree.root / room).rglob("*") if path.is_file())
    return {path.relative_to(tree.root) for path in found if "__pycache__" not in path.parts}


def test_the_wheel_holds_every_file_of_the_rooms(tree, wheel):
    inside = {path if path.parts[0] == "facewright" else Path("facewright") / path for path in _files(tree)}
    assert {name for name in wheel if ".dist-info/" not in name} == {str(path) for path in inside}


def test_files_are_of_a_kind_that_is_packed(tree):
    assert not {path for path in _files(tree) if path.suffix not in KINDS and path.name != "py.typed"}


def test_nothing_but_facewright_reaches_the_top(wheel):
    assert {name.split("/")[0].split("-")[0] for name in wheel} == {"facewright"}
