"""Sets gathered in the wild: WildDeepfake, folders of cropped faces, and FFIW10K, several people in a picture."""

from __future__ import annotations

from collections.abc import Iterator

from .layout import Layout, Made, genuine, synthetic
from .tree import Tree


def read(tree: Tree) -> Iterator[Made]:
    for clip in tree.frames(r"(?P<label>real|fake)[ _](?P<split>train|test)/(?:[a-z]+/)?(?P<video>\d+)(?:/.*)?"):
        label, split = clip["label"].lower(), clip["split"].lower()
        video = f"wild:{label} {split} {int(clip['video'])}"
        if label == "real":
            yield genuine(clip, video, video, split=split)
        else:
            yield synthetic(clip, "wild", video, video, split=split)


def read_ffiw(tree: Tree) -> Iterator[Made]:
    tree.ignore(r"target_mask/.*")
    for clip in tree.match(r"(?P<kind>source|target)/(?P<split>train|val|test)/videos/(?P<name>[^/]+)"):
        split = clip["split"].lower()
        name = f"ffiw:{split}/{clip['name']}"
        if clip["kind"].lower() == "source":
            yield genuine(clip, name, name, split=split)
        else:
            yield synthetic(clip, "ffiw", name, name, split=split)


LAYOUTS = (
    Layout(
        name="wilddeepfake",
        title="WildDeepfake",
        holds="genuine and synthetic faces as folders of pictures; no sound",
        terms="WildDeepfake agreement: research on request, not to be passed on",
        tree="""
deepfake_in_the_wild/{real_train,real_test,fake_train,fake_test}/{n}/{…}/{frame}.png
""",
        traps=(
            "folders may be written with a space, real train",
            "numbers of archives mean another video in each of the four folders",
            "frames are named by number without leading zeros: their order is that of the numbers",
            "who is shown is not told: the archive stands for its people",
            "archives that are still packed are named as such",
        ),
        read=read,
        official=True,
    ),
    Layout(
        name="ffiw",
        title="FFIW10K",
        holds="genuine and swapped faces, several people in a picture",
        terms="FFIW terms of use: research on request, not to be passed on",
        tree="""
FFIW10K-v1-release/{source,target}/{train,val,test}/videos/*.mp4
""",
        traps=(
            "source is genuine and target is fake, unlike elsewhere",
            "a fake has the same file name as its original",
            "one face of several is swapped: the others in the picture are genuine",
        ),
        read=read_ffiw,
        official=True,
    ),
)
