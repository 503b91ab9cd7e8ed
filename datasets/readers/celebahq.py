"""CelebA-HQ: pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .layout import Layout, Made, genuine
from .tree import PICTURES, Tree, bad

SPLITS = {"0": "train", "1": "val", "2": "test"}


def read(tree: Tree) -> Iterator[Made]:
    original = _mapping(tree)
    split_of = _pairs(tree, r"list_eval_partition\.txt", "no official splits")
    person_of = _pairs(tree, r"identity_CelebA\.txt", "every picture counts as a person")
    for clip in tree.match(r"CelebA-?HQ-img/(?P<number>\d+)", PICTURES):
        file = original.get(int(clip["number"]), "")
        source = f"celeba:{file}" if file else f"celebahq:{int(clip['number'])}"
        identity = f"celeba:person {person_of[file]}" if file in person_of else source
        yield genuine(clip, identity, source, split=SPLITS.get(split_of.get(file, ""), ""))


def _mapping(tree: Tree) -> dict[int, str]:
    """CelebA's file of each number."""
    paths = tree.lists(r"CelebA-HQ-to-CelebA-mapping\.txt")
    if not paths:
        tree.notes.append("no CelebA-HQ-to-CelebA-mapping.txt: neither official splits nor people")
        return {}
    mapping: dict[int, str] = {}
    for line in tree.lines(paths[0])[1:]:
        words = line.split()
        if len(words) < 2 or not re.fullmatch(r"\d{1,9}", words[0]):
            raise bad(tree.root / paths[0], f"{line!r} is no line of a number, a number and a file")
        mapping[int(words[0])] = words[-1]
    return mapping


def _pairs(tree: Tree, pattern: str, otherwise: str) -> dict[str, str]:
    paths = tree.lists(pattern)
    if not paths:
        name = pattern.replace("\\", "")
        tree.notes.append(f"no {name}: {otherwise}")
        return {}
    return dict(line.split()[:2] for line in tree.lines(paths[0]) if len(line.split()) > 1)


LAYOUTS = (
    Layout(
        name="celebahq",
        title="CelebA-HQ",
        holds="genuine faces, pictures",
        terms="CelebA agreement: research, not to be passed on",
        tree="""
CelebA-HQ-img/{0..29999}.jpg
CelebA-HQ-to-CelebA-mapping.txt
list_eval_partition.txt
identity_CelebA.txt
""",
        traps=(
            "numbers are not CelebA's: splits and people go through the mapping, whose first line is a header",
            "without identity_CelebA.txt nobody knows which pictures show one person",
        ),
        read=read,
        official=True,
    ),
)
