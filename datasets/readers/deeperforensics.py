"""DeeperForensics-1.0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from .faceforensics import person
from .layout import Layout, Made, synthetic
from .tree import Tree


def read(tree: Tree) -> Iterator[Made]:
    tree.ignore(r"source_videos/.*")
    split_of, distortions = _splits(tree), _distortions(tree)
    found = set()
    for clip in tree.match(r"manipulated_videos/(?P<kind>[^/]+)/(?P<target>\d{3})_(?P<actor>[MW]\d{3})"):
        found.add(clip.name.lower())
        kind, target, actor = clip["kind"].lower(), person(clip["target"]), f"deeper:{clip['actor'].upper()}"
        name = "reenact_postprocess" if kind == "reenact_postprocess" else "df-vae"
        encode = distortions.get(f"{kind}/{clip.name.lower()}") or ("" if kind == "end_to_end" else kind)
        split = split_of.get(clip.name.lower(), "")
        yield synthetic(clip, name, actor, target, second=target, split=split, encode=encode)
    for name in sorted(set(split_of) - found):
        tree.skip(name, "named by the lists of splits, but not there")
    tree.notes.append("no genuine clips here: they are those of FaceForensics++, at c23; join both indexes")


def _splits(tree: Tree) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for split in ("train", "val", "test"):
        paths = tree.lists(rf"splits/{split}\.txt")
        if not paths:
            tree.notes.append(f"no splits/{split}.txt: no official {split} split")
        for path in paths[:1]:
            split_of |= {PurePosixPath(line.split()[0]).name.lower(): split for line in tree.lines(path)}
    return split_of


def _distortions(tree: Tree) -> dict[str, str]:
    """What was done to a clip, by folder and name; lines are `path TYPE:level TYPE:level`."""
    done: dict[str, str] = {}
    for path in tree.lists(r"manipulated_videos_distortions_meta/[^/]+_meta\.txt"):
        for line in tree.lines(path):
            name, *words = line.split()
            done["/".join(PurePosixPath(name.lower()).parts[-2:])] = " ".join(words)
    return done


LAYOUTS = (
    Layout(
        name="deeperforensics",
        title="DeeperForensics-1.0",
        holds="swapped faces, some distorted on purpose; no genuine clips",
        terms="DeeperForensics-1.0 terms of use: research on request, not to be passed on",
        tree="""
manipulated_videos/{end_to_end,…}/{target}_{actor}.mp4
source_videos/{actor}/…
lists/splits/{train,val,test}.txt
lists/manipulated_videos_distortions_meta/*_meta.txt
""",
        traps=(
            "source_videos are studio takes of the actors, not the genuine counterparts: left out",
            "the genuine ones are the targets in FaceForensics++ at c23; names of people agree with that reader's",
            "actors stand in several official splits: clips that share one with test stand in none",
        ),
        read=read,
        official=True,
    ),
)
