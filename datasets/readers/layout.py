"""What a reader of a public set is: a layout in words, and a function from the files to clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..index import Entry
from .tree import Clip, Tree


@dataclass(frozen=True)
class Made:
    """Fields of an entry that a reader knows; the rest is common to the set."""

    clip: Clip
    label: str
    identity: str
    source: str
    generator: str = ""
    split: str = ""
    encode: str = ""
    second: str = ""

    def entry(self, licence: str) -> Entry:
        return Entry(
            self.clip.path, self.label, self.identity, self.source, licence, self.generator, self.split, self.encode,
            second="" if self.second == self.identity else self.second,
        )  # fmt: skip


def genuine(clip: Clip, identity: str, source: str, **more: str) -> Made:
    return Made(clip, "genuine", identity, source, **more)


def synthetic(clip: Clip, generator: str, identity: str, source: str, **more: str) -> Made:
    return Made(clip, "synthetic", identity, source, generator, **more)


@dataclass(frozen=True)
class Layout:
    """A public set that can be read.

    Attributes:
        name: on the command line.
        title: its authors' name for it.
        holds: what kinds of clips.
        terms: of use, in words; the licence of every entry.
        tree: the folders and files that are expected, one a line; a part in braces stands for many.
        traps: what has misled others, and what the reader does about it.
        read: yields what it finds; puts the rest aside in the tree.
        official: whether the set comes with splits.
    """

    name: str
    title: str
    holds: str
    terms: str
    tree: str
    traps: tuple[str, ...]
    read: Callable[[Tree], Iterator[Made]]
    official: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        words = {key: value for key, value in asdict(self).items() if key not in ("read", "terms", "tree", "official")}
        return words | {
            "licence": self.terms,
            "layout": self.tree.strip().splitlines(),
            "splits": "official" if self.official else "people",
        }
