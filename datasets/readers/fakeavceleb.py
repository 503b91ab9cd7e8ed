"""FakeAVCeleb and AV-Deepfake1M: sets in which the picture, the voice, or both are synthetic."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .layout import Layout, Made, genuine, synthetic
from .talking import voxceleb
from .tree import Tree, bad

ONLY_VOICE = "its picture is genuine and its voice is not: neither label would be true"


def read(tree: Tree) -> Iterator[Made]:
    facts = _facts(tree)
    found = set()
    place = r"(?P<race>[^/]+)/(?P<gender>men|women)/(?P<id>id\d+)"
    for clip in tree.match(rf"(?P<video>real|fake)video-(?P<voice>real|fake)audio/{place}/(?P<file>[^/]+)"):
        key = _tail(clip.path)
        found.add(key)
        row = facts.get(key, {})
        person = voxceleb(clip["id"])
        take = f"{person}/{clip['file'].split('_')[0]}"
        others = re.findall(r"id\d+", f"{clip.stem} {row.get('target1', '')}")
        if clip["video"].lower() == "fake":
            second = voxceleb(others[0]) if others else ""
            yield synthetic(clip, row.get("method") or "fakeavceleb", person, take, second=second)
        elif clip["voice"].lower() == "fake":
            tree.skip(clip.path, ONLY_VOICE)
        else:
            yield genuine(clip, person, take)
    for key in sorted(set(facts) - found):
        tree.skip(key, "named by meta_data.csv, but not there")


def _facts(tree: Tree) -> dict[str, dict[str, str]]:
    """Rows of meta_data.csv by the end of their path: `path` holds the file, a column without a name the folder."""
    paths = tree.lists(r"meta_data\.csv")
    if not paths:
        tree.notes.append("no meta_data.csv: methods are not known one by one")
        return {}
    rows = tree.table(paths[0], ("source", "method", "path"))
    if rows and "" not in rows[0]:
        raise bad(tree.root / paths[0], "lacks the last column, without a name, that holds the folders")
    return {_tail(f"{row['']}/{row['path']}"): row for row in rows if row.get("") and row.get("path")}


def _tail(path: str) -> str:
    return "/".join(path.replace("\\", "/").lower().split("/")[-5:])


def read_deepfake1m(tree: Tree) -> Iterator[Made]:
    place = r"(?:(?P<split>train|val|test)/)?(?P<id>id\d+)/(?P<video>[^/]+)/(?P<clip>[^/]+)"
    for clip in tree.match(rf"{place}/(?:real|(?P<picture>real|fake)_video_(?P<voice>real|fake)_audio)"):
        split = clip["split"].lower() or next(iter(re.findall(r"(?:^|/)(train|val|test)/", clip.path.lower())), "")
        person, recording = voxceleb(clip["id"]), f"youtube:{clip['video']}"
        if clip["picture"].lower() == "fake":
            yield synthetic(clip, "av-deepfake1m", person, recording, split=split)
        elif clip["voice"].lower() == "fake":
            tree.skip(clip.path, ONLY_VOICE)
        else:
            yield genuine(clip, person, recording, split=split)


LAYOUTS = (
    Layout(
        name="fakeavceleb",
        title="FakeAVCeleb",
        holds="genuine, swapped and re-voiced faces with sound",
        terms="FakeAVCeleb terms of use: research on request, not to be passed on",
        tree="""
FakeAVCeleb/{Real,Fake}Video-{Real,Fake}Audio/{group}/{men,women}/{id}/*.mp4
meta_data.csv
""",
        traps=(
            "the last column of meta_data.csv has no name; it holds the folder, path holds the file",
            "clips with a genuine picture under a cloned voice are left out",
            "a moment of silence at the start gives fakes away: cut it off on both sides before using sound",
            "people are those of VoxCeleb2, under the same names",
        ),
        read=read,
    ),
    Layout(
        name="av-deepfake1m",
        title="AV-Deepfake1M",
        holds="genuine faces and clips with a few synthetic words, with sound",
        terms="AV-Deepfake1M terms of use: research on request, not to be passed on",
        tree="""
{train,val}/{id}/{video}/{clip}/real.mp4
{train,val}/{id}/{video}/{clip}/{real,fake}_video_{real,fake}_audio.mp4
""",
        traps=(
            "a fake is genuine but for a word or two: most of its frames show no synthesis",
            "clips with a genuine picture under a changed voice are left out",
            "people are those of VoxCeleb2, under the same names",
        ),
        read=read_deepfake1m,
        official=True,
    ),
)
