"""Celeb-DF, versions 1 and 2, and Celeb-DF++."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .layout import Layout, Made, genuine, synthetic
from .tree import Clip, Tree

FOLDERS = r"(?:celeb-real|youtube-real|celeb-synthesis)/.*"
TEST_LIST = "List_of_testing_videos.txt"


def person(number: str) -> str:
    """One of the celebrities; DF40 uses them too."""
    return f"celebdf:id{int(number)}"


def read(tree: Tree) -> Iterator[Made]:
    listed = _test(tree)
    found: set[str] = set()

    def split(clip: Clip) -> str:
        found.add(key := _key(clip.path))
        return ("test" if key in listed else "train") if listed else ""

    for clip in tree.match(r"Celeb-real/(?:videos/)?id(?P<id>\d+)_(?P<take>\d+)"):
        yield genuine(clip, person(clip["id"]), _recording(clip), split=split(clip))
    for clip in tree.match(r"YouTube-real/(?:videos/)?(?P<id>\d+)"):
        yield genuine(clip, f"celebdf:yt{clip['id']}", f"celebdf:yt{clip['id']}", split=split(clip))
    kind = r"(?:(?P<kind>FaceSwap|FaceReenact|TalkingFace)/(?P<method>[^/]+)/)?(?:videos/)?"
    for clip in tree.match(rf"Celeb-synthesis/{kind}id(?P<id>\d+)(?:_id(?P<other>\d+))?(?:_(?P<take>\d+))?(?!\d)[^/]*"):
        target, other = person(clip["id"]), person(clip["other"]) if clip["other"] else ""
        swapped = clip["kind"].lower() in ("", "faceswap") and other
        shown, second = (other, target) if swapped else (target, other)
        yield synthetic(clip, clip["method"] or "celeb-df", shown, _recording(clip), second=second, split=split(clip))
    for key in sorted(set(listed) - found):
        tree.skip(listed[key], f"named by {TEST_LIST}, but not there")


def _recording(clip: Clip) -> str:
    return f"{person(clip['id'])}_{clip['take'] or clip.stem}"


def _key(path: str) -> str:
    """The end of a path from the set's own folders on, the same with and without a folder `videos`."""
    found = re.search(FOLDERS, path.lower())
    return found[0].replace("/videos/", "/") if found else ""


def _test(tree: Tree) -> dict[str, str]:
    """Clips of the test list, by key; lines are `1 YouTube-real/00170.mp4`, with 1 for genuine."""
    paths = tree.lists(re.escape(TEST_LIST))
    if not paths:
        tree.notes.append(f"no {TEST_LIST}: no official splits")
        return {}
    listed: dict[str, str] = {}
    for line in tree.lines(paths[0]):
        label, _, path = line.replace("\t", " ").partition(" ")
        key = _key(path.strip())
        if label not in ("0", "1") or not key:
            tree.skip(f"{paths[0]}: {line}", "is no line of a label and a path")
        elif (label == "1") == key.startswith("celeb-synthesis"):
            tree.skip(f"{paths[0]}: {line}", "its label contradicts its folder (1 stands for genuine)")
        else:
            listed[key] = path.strip()
    return listed


TERMS = "Celeb-DF terms of use: research on request, not to be passed on"
TRAPS = (
    "in the test list 1 stands for genuine and 0 for fake",
    "the test list shares people with the rest: clips that do stand in no split",
    "some copies hold one more folder, videos",
)
LAYOUTS = (
    Layout(
        name="celebdf",
        title="Celeb-DF v1 and v2",
        holds="genuine and swapped faces; no sound",
        terms=TERMS,
        tree=f"""
Celeb-real/id{{n}}_{{nnnn}}.mp4
YouTube-real/{{nnnnn}}.mp4
Celeb-synthesis/id{{n}}_id{{n}}_{{nnnn}}.mp4
{TEST_LIST}
""",
        traps=TRAPS,
        read=read,
        official=True,
    ),
    Layout(
        name="celebdf++",
        title="Celeb-DF++",
        holds="genuine, swapped, re-enacted and talking faces",
        terms="CC BY-NC 4.0, on request",
        tree=f"""
Celeb-real/id{{n}}_{{nnnn}}.mp4
YouTube-real/{{nnnnn}}.mp4
Celeb-synthesis/{{FaceSwap,FaceReenact,TalkingFace}}/{{method}}/*.mp4
{TEST_LIST}
""",
        traps=TRAPS,
        read=read,
        official=True,
    ),
)
