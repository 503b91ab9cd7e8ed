"""DF40: forty methods on FaceForensics++ and Celeb-DF, mostly as folders of frames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import celebdf, faceforensics
from .layout import Layout, Made, genuine, synthetic
from .tree import PICTURES, Clip, Tree

SWAPS = {"fsgan", "faceswap", "simswap", "inswap", "blendface", "uniface", "mobileswap", "e4s", "facedancer",
         "deepfacelab"}  # fmt: skip
PLACE = r"(?P<method>[^/]+)/(?P<base>ff|cdf|fake|real)"


def read(tree: Tree) -> Iterator[Made]:
    listed = _listed(tree)
    tree.ignore(r".*/masks?/.*")
    found: set[str] = set()
    stills = tree.match(rf"{PLACE}/(?P<clip>[^/]+)", PICTURES)
    videos = tree.match(rf"{PLACE}/(?:.*/)?(?P<clip>[^/]+)")
    for clips in (stills, videos, tree.frames(rf"{PLACE}/(?:.*/)?(?P<clip>[^/]+)")):
        for clip in clips:
            key = _tail(clip.path)
            found.add(key)
            split = listed.get(key) or ("train" if re.search(r"(?:^|/)df40_train/", clip.path.lower()) else "test")
            yield _made(clip, split)
    if absent := len(set(listed) - found):
        tree.notes.append(
            f"{absent} clips of the lists are not there; genuine ones are those of the sets it is made from"
        )


def _made(clip: Clip, split: str) -> Made:
    method, base, name = clip["method"], clip["base"].lower(), clip["clip"]
    own = f"df40:{method.lower()}/{name}"
    if base == "real":
        return genuine(clip, own, own, split=split)
    if base == "ff" and (found := re.match(r"(\d{3})(?:_(\d{3}))?(?!\d)", name)):
        target, other = (faceforensics.person(part) if part else "" for part in found.groups())
        source = target
    elif base == "cdf" and (found := re.match(r"id(\d+)(?:_id(\d+))?(?:_(\d+))?", name.lower())):
        target, other = (celebdf.person(part) if part else "" for part in found.groups()[:2])
        source = f"{target}_{found[3] or name}"
    else:
        return synthetic(clip, method, own, own, split=split)
    shown, second = (other, target) if method.lower() in SWAPS and other else (target, other)
    return synthetic(clip, method, shown, source, second=second, split=split)


def _listed(tree: Tree) -> dict[str, str]:
    """Splits that lists of DeepfakeBench give: {set: {label: {split: {clip: {frames: […]}}}}}.

    Names of sets in the lists and of folders on disk differ, so a clip goes by the folder that its frames lie in.
    Sets made from FaceForensics++ have one more level, the compression.
    """
    split_of: dict[str, str] = {}
    for path in tree.lists(r"[^/]+\.json"):
        for labels in tree.json(path).values():
            for splits in labels.values() if isinstance(labels, dict) else ():
                for split, clips in splits.items() if isinstance(splits, dict) else ():
                    for frames in _frames(clips) if split in ("train", "val", "test") else ():
                        folder = str(frames[0]).replace("\\", "/").rpartition("/")[0]
                        split_of[_tail(folder)] = split
    return split_of


def _frames(clips: Any) -> Iterator[list[str]]:
    if not isinstance(clips, dict):
        return
    if isinstance(clips.get("frames"), list):
        if clips["frames"]:
            yield clips["frames"]
        return
    for inside in clips.values():
        yield from _frames(inside)


def _tail(path: str) -> str:
    return "/".join(path.lower().split("/")[-4:])


LAYOUTS = (
    Layout(
        name="df40",
        title="DF40",
        holds="synthetic faces of forty methods, mostly as folders of pictures; few genuine ones",
        terms="CC BY-NC 4.0, on request",
        tree="""
{DF40,DF40_train}/{method}/{ff,cdf}/{…}/{clip}/{frame}.png
DF40/{method}/{fake,real}/{…}
{set}.json of DeepfakeBench, if there are any
""",
        traps=(
            "genuine clips are those of FaceForensics++ and Celeb-DF; names of people agree with those readers'",
            "names of sets in the lists differ from those of folders: clips go by the folder of their frames",
            "pictures that lie straight in fake or real are clips of one picture",
            "DF40_train is training, all else testing, unless a list says otherwise",
        ),
        read=read,
        official=True,
    ),
)
