"""Every dependency has a reason, and the tested set agrees with the ranges."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_LINE = re.compile(r'^\s+"([^"]+)",?(?:\s*# (.+))?$')


def _declared(tree) -> list[tuple[Requirement, str | None]]:
    text = (tree.root / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {entry for each in lists for entry in each}
    lines = [found for line in text.splitlines() if (found := _LINE.match(line)) and found[1] in wanted]
    assert {found[1] for found in lines} == wanted, "one dependency a line"
    return [(Requirement(found[1]), found[2]) for found in lines]


def test_every_dependency_says_what_it_saves(tree):
    bare = [str(wanted) for wanted, reason in _declared(tree) if not reason and wanted.name != "facewright"]
    assert not bare


def test_the_constraints_meet_the_ranges(tree):
    lines = (tree.root / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    for wanted, _ in _declared(tree):
        if wanted.name != "facewright":
            assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), wanted


def test_the_constraints_hold_exact_versions_only(tree):
    for line in (tree.root / "constraints.txt").read_text("utf-8").splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9-]+==[\w.!+]+", line), line
