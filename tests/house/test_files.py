"""Files stay small and say nothing about the machine they were written on."""

from __future__ import annotations

import re
import statistics


def test_the_median_file_is_short_and_none_is_long(tree):
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in tree.python()}
    code = [size for path, size in sizes.items() if size > 1 and "tests" not in path.relative_to(tree.root).parts]
    assert statistics.median(code) <= 150
    assert not {str(path): size for path, size in sizes.items() if size > 500}


def test_there_are_no_drawers(tree):
    assert not [path for path in tree.python() if path.stem in {"util", "utils", "helpers", "misc", "common"}]


def test_no_file_names_a_place_on_somebodys_machine(tree):
    place = re.compile(r"(?<![\w.~$}])/(?:home|root|Users|work)/\w")
    text = [*tree.python(), *tree.pages(), *tree.root.glob("*.toml"), tree.root / "Makefile", tree.root / ".ci" / "run"]
    text += [path for room in tree.floors for path in (tree.root / room).rglob("*.json")]
    own = [path for path in text if path.name != "test_files.py" and place.search(path.read_text("utf-8"))]
    assert not own


def test_folders_of_tests_mirror_the_rooms(tree):
    folders = {path.name for path in (tree.root / "tests").iterdir() if path.is_dir() and path.name[0] not in "_."}
    assert folders <= {*tree.floors, "house", "parity", "scripts", "benchmarks"}
