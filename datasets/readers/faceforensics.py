"""FaceForensics++, with the DeepFakeDetection clips that are handed out beside it."""

from __future__ import annotations

from collections.abc import Iterator

from .layout import Layout, Made, genuine, synthetic
from .tree import Tree, bad

RATE = r"(?P<encode>raw|c0|c23|c40)"
SWAPS = {"deepfakes", "faceswap", "faceshifter"}  # the others move the target's own face


def person(number: str) -> str:
    """A person of the thousand YouTube videos; DeeperForensics and DF40 are made from them too."""
    return f"ff:{number}"


def read(tree: Tree) -> Iterator[Made]:
    split_of = _splits(tree)
    tree.ignore(r"manipulated_sequences/.*masks?/.*")
    seen = set()
    for clip in tree.match(rf"original_sequences/youtube/{RATE}/videos/(?P<id>\d{{3}})"):
        seen.add(clip["id"])
        split = split_of.get(clip["id"], "")
        yield genuine(clip, person(clip["id"]), person(clip["id"]), split=split, encode=clip["encode"])
    for clip in tree.match(rf"original_sequences/actors/{RATE}/videos/(?P<id>\d\d)__(?P<scene>\w+)"):
        yield genuine(clip, f"dfd:{clip['id']}", f"dfd:{clip['id']}__{clip['scene']}", encode=clip["encode"])
    fake = rf"manipulated_sequences/(?P<method>\w+)/{RATE}/videos/(?P<target>\d+)_(?P<source>\d+)"
    for clip in tree.match(fake):
        target, source, method = clip["target"], clip["source"], clip["method"]
        split = split_of.get(target, "") if split_of.get(target) == split_of.get(source) else ""
        people = (source, target) if method.lower() in SWAPS else (target, source)
        shown, second = map(person, people)
        yield synthetic(clip, method, shown, person(target), second=second, split=split, encode=clip["encode"])
    for clip in tree.match(rf"{fake}__(?P<scene>\w+)__(?P<take>\w+)"):
        source = f"dfd:{clip['target']}__{clip['scene']}"
        shown, second = f"dfd:{clip['source']}", f"dfd:{clip['target']}"
        yield synthetic(clip, clip["method"], shown, source, second=second, encode=clip["encode"])
    for number in sorted(set(split_of) - seen) if seen else ():
        tree.skip(f"{number}.mp4", "named by the lists of splits, but no original is there")


def _splits(tree: Tree) -> dict[str, str]:
    """The split of every number, from lists of pairs; both numbers of a pair stand in it, in either order."""
    split_of: dict[str, str] = {}
    for split in ("train", "val", "test"):
        paths = tree.lists(rf"{split}\.json")
        if not paths:
            tree.notes.append(f"no {split}.json: no official {split} split")
        for path in paths[:1]:
            for pair in tree.json(path, list):
                if not isinstance(pair, list) or len(pair) != 2:
                    raise bad(tree.root / path, f"{pair!r} is no pair")
                for number in map(str, pair):
                    if split_of.setdefault(number, split) != split:
                        raise bad(tree.root / path, f"{number} stands in {split_of[number]} too")
    return split_of


LAYOUTS = (
    Layout(
        name="faceforensics",
        title="FaceForensics++",
        holds="genuine, swapped and re-enacted faces; no sound",
        terms="FaceForensics++ terms of use: research on request, not to be passed on",
        tree="""
original_sequences/{youtube,actors}/{raw,c23,c40}/videos/*.mp4
manipulated_sequences/{method}/{raw,c23,c40}/videos/*.mp4
splits/{train,val,test}.json
""",
        traps=(
            "a fake is named target_source: the recording is the target's; of a swap the face is the source's",
            "every clip comes in several compressions: use the same for genuine and synthetic ones",
            "splits are lists of pairs, and both numbers of a pair belong to them",
            "the DeepFakeDetection clips (actors) stand in no official split",
        ),
        read=read,
        official=True,
    ),
)
