"""Clips of one's own, in folders by label, generator and person."""

from __future__ import annotations

from collections.abc import Iterator

from .layout import Layout, Made, genuine, synthetic
from .tree import Tree


def read(tree: Tree) -> Iterator[Made]:
    for clip in tree.match(r"genuine/(?P<person>[^/]+)/(?P<clip>[^/]+)"):
        yield genuine(clip, clip["person"], f"{clip['person']}/{clip['clip']}")
    for clip in tree.match(r"synthetic/(?P<generator>[^/]+)/(?P<person>[^/]+)/(?P<clip>[^/]+)"):
        yield synthetic(clip, clip["generator"], clip["person"], f"{clip['person']}/{clip['clip']}")


LAYOUTS = (
    Layout(
        name="folders",
        title="your own folders",
        holds="whatever you put there",
        terms="not stated",
        tree="""
genuine/{person}/{clip}.mp4
synthetic/{generator}/{person}/{clip}.mp4
""",
        traps=("a synthetic clip with the person and the name of a genuine one counts as made from it",),
        read=read,
    ),
)
