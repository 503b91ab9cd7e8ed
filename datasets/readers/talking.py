"""Sets of genuine talking faces: HDTF, VoxCeleb2, LRW, MEAD, RAVDESS, CREMA-D."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .layout import Layout, Made, genuine
from .tree import Tree


def voxceleb(number: str) -> str:
    """A person of VoxCeleb2; FakeAVCeleb and AV-Deepfake1M are made from them."""
    return f"voxceleb2:{number.lower()}"


def read_hdtf(tree: Tree) -> Iterator[Made]:
    lists = tree.lists(r"(?:RD|WDA|WRA)_video_url\.txt")
    listed = {line.split()[0].lower() for path in lists for line in tree.lines(path)}
    if not listed:
        tree.notes.append("no lists of videos: a number at the end of a name is taken for a clip's where there are two")
    found = set()
    for clip in tree.match(r"(?P<name>(?:RD|WDA|WRA)_[^/]+?)"):
        name = clip["name"]
        video = name if name.lower() in listed else re.sub(r"(?<=\d)_\d+$", "", name)
        found.add(video.lower())
        person = re.sub(r"_?\d+$", "", video.partition("_")[2])
        yield genuine(clip, f"hdtf:{person}", f"hdtf:{video}")
    for name in sorted(listed - found):
        tree.skip(name, "named by the lists, but no clip of it is there")


def read_voxceleb2(tree: Tree) -> Iterator[Made]:
    for clip in tree.match(r"(?P<split>dev|test)/(?:mp4/)?(?P<id>id\d+)/(?P<video>[^/]+)/(?P<clip>\d+)"):
        split = "train" if clip["split"].lower() == "dev" else "test"
        yield genuine(clip, voxceleb(clip["id"]), f"youtube:{clip['video']}", split=split)


def read_lrw(tree: Tree) -> Iterator[Made]:
    for clip in tree.match(r"(?P<word>[^/]+)/(?P<split>train|val|test)/(?P<clip>(?P=word)_\d+)"):
        name = f"lrw:{clip['clip'].upper()} {clip['split'].lower()}"
        yield genuine(clip, name, name, split=clip["split"].lower())


def read_mead(tree: Tree) -> Iterator[Made]:
    place = r"(?P<id>[MW]\d{3})/video/(?P<view>[^/]+)/(?P<emotion>[^/]+)/level_(?P<level>\d)/(?P<take>\d+)"
    for clip in tree.match(place):
        person = f"mead:{clip['id'].upper()}"
        yield genuine(clip, person, f"{person} {clip['emotion'].lower()} {clip['level']} {int(clip['take'])}")


def read_ravdess(tree: Tree) -> Iterator[Made]:
    tree.ignore(r"03(?:-\d\d){6}\.\w+")
    clips = list(tree.match(r"Actor_(?P<folder>\d\d)/(?P<kind>0[12])-(?P<take>(?:\d\d-){5}(?P<actor>\d\d))"))
    whole = {clip["take"] for clip in clips if clip["kind"] == "01"}
    for clip in clips:
        if clip["folder"] != clip["actor"]:
            tree.skip(clip.path, "its name and its folder name different actors")
        elif clip["kind"] == "02" and clip["take"] in whole:
            tree.skip(clip.path, "the same take is there with its sound")
        else:
            yield genuine(clip, f"ravdess:{clip['actor']}", f"ravdess:{clip['take']}")


def read_cremad(tree: Tree) -> Iterator[Made]:
    for clip in tree.match(r"(?:VideoFlash/|VideoMP4/)?(?P<id>1\d{3})_(?P<take>[A-Z]{3}_[A-Z]{3}_[A-Z]{2})"):
        yield genuine(clip, f"cremad:{clip['id']}", f"cremad:{clip['id']}_{clip['take'].upper()}")


LAYOUTS = (
    Layout(
        name="hdtf",
        title="HDTF",
        holds="genuine talking faces",
        terms="lists CC BY 4.0; the videos under their owners' terms",
        tree="""
{RD,WDA,WRA}_{name}_{k}.mp4
{RD,WDA,WRA}_video_url.txt
""",
        traps=(
            "the lists are handed out, the videos are not: what no list needs is read by its name",
            "clips of one video share its name but for the last number",
        ),
        read=read_hdtf,
    ),
    Layout(
        name="voxceleb2",
        title="VoxCeleb2",
        holds="genuine talking faces",
        terms="annotations CC BY 4.0; the videos under their owners' terms",
        tree="""
{dev,test}/mp4/{id}/{video}/{nnnnn}.mp4
""",
        traps=(
            "names of videos are case-sensitive and may begin with a dash",
            "sound may lie apart, as aac/….m4a: it is not a clip",
            "two people may talk in one video: splits keep them together",
        ),
        read=read_voxceleb2,
        official=True,
    ),
    Layout(
        name="lrw",
        title="LRW",
        holds="genuine talking faces, one word each",
        terms="BBC agreement: research on request, not to be passed on",
        tree="""
lipread_mp4/{WORD}/{train,val,test}/{WORD}_{nnnnn}.mp4
""",
        traps=(
            "who speaks is not told: the official splits may share speakers, and every clip counts as a person",
            "numbers begin anew in every split",
        ),
        read=read_lrw,
        official=True,
    ),
    Layout(
        name="mead",
        title="MEAD",
        holds="genuine talking faces from seven sides, eight emotions",
        terms="MEAD terms of use: research",
        tree="""
{M,W}{nnn}/video/{front,down,top,left_30,…}/{emotion}/level_{1..3}/{nnn}.mp4
""",
        traps=(
            "the seven views of a take share their source",
            "neutral has one level only; sound lies apart, in audio",
        ),
        read=read_mead,
    ),
    Layout(
        name="ravdess",
        title="RAVDESS",
        holds="genuine talking and singing faces of actors",
        terms="CC BY-NC-SA 4.0",
        tree="""
Actor_{nn}/{01,02}-{nn}-{nn}-{nn}-{nn}-{nn}-{nn}.mp4
""",
        traps=(
            "02 is the take 01 without its sound: left out where both are there",
            "the last number is the actor: a file in another actor's folder is left out",
        ),
        read=read_ravdess,
    ),
    Layout(
        name="cremad",
        title="CREMA-D",
        holds="genuine talking faces of actors",
        terms="Open Database License",
        tree="""
VideoFlash/{id}_{sentence}_{emotion}_{level}.flv
""",
        traps=("a clone without git LFS holds pointers of 130 bytes in place of videos: named as such",),
        read=read_cremad,
    ),
)
