"""The Deepfake Detection Challenge, and its preview."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from .layout import Layout, Made, genuine, synthetic
from .tree import Clip, Tree

SPLITS = ("train", "val", "test")
PART = re.compile(r"dfdc_train_part_0*(\d+)/", re.IGNORECASE)


def read(tree: Tree) -> Iterator[Made]:
    clips = {clip.path: clip for clip in tree.match(r"[^/]+")}
    known = {**_labels(tree, clips), **_metadata(tree)}
    for path in sorted(set(known) - set(clips)):
        tree.skip(path, "named by the metadata, but not there")
    lost = 0
    for path, clip in clips.items():
        if path not in known:
            tree.skip(path, "no metadata.json or labels.csv names it")
            continue
        fake, original, split = known[path]
        own = f"dfdc:{clip.stem}"
        lost += bool(original) and str(PurePosixPath(path).with_name(original)) not in clips
        source = f"dfdc:{PurePosixPath(original).stem}" if original else own
        parts = PART.findall(path)
        identity = f"dfdc:part {parts[-1]}" if parts else own
        if fake:
            yield synthetic(clip, "dfdc", identity, source, split=split)
        else:
            yield genuine(clip, identity, own, split=split)
    if lost:
        tree.notes.append(f"{lost} fakes name an original that is not there; they keep its name as their source")


def _metadata(tree: Tree) -> dict[str, tuple[bool, str, str]]:
    """(fake, original, split) of each path in every metadata.json, of training parts or of a test set."""
    known: dict[str, tuple[bool, str, str]] = {}
    for path in tree.lists(r"metadata\.json"):
        folder, content = PurePosixPath(path).parent, tree.json(path)
        if not content:
            tree.skip(path, "names no clip")
        for name, facts in content.items():
            fake = _fake(facts)
            if fake is None:
                tree.skip(f"{path}: {name}", "has no label that is known")
                continue
            split = str(facts.get("split") or "test")
            known[str(folder / name)] = fake, str(facts.get("original") or ""), split if split in SPLITS else ""
    return known


def _fake(facts: Any) -> bool | None:
    if not isinstance(facts, dict):
        return None
    label = str(facts.get("label", facts.get("is_fake"))).upper()
    return {"FAKE": True, "REAL": False, "1": True, "0": False}.get(label)


def _labels(tree: Tree, clips: dict[str, Clip]) -> dict[str, tuple[bool, str, str]]:
    """Of test sets, whose labels.csv names files without folders."""
    known: dict[str, tuple[bool, str, str]] = {}
    for path in tree.lists(r"labels\.csv"):
        folder = path.rpartition("/")[0]
        below = [clip for clip in clips.values() if clip.path.startswith(f"{folder}/" if folder else "")]
        count = Counter(clip.name for clip in below)
        rows = {row.get("filename", ""): row.get("label", "") for row in tree.table(path, ("filename", "label"))}
        for name in sorted(set(rows) - set(count)):
            tree.skip(f"{path}: {name}", "named by the labels, but not there")
        for clip in below:
            if rows.get(clip.name) in ("0", "1") and count[clip.name] == 1:
                known[clip.path] = rows[clip.name] == "1", "", "test"
            elif clip.name in rows and count[clip.name] > 1:
                tree.notes.append(f"several files are called {clip.name}; labels.csv does not say which it means")
    return known


def read_preview(tree: Tree) -> Iterator[Made]:
    known: dict[str, dict[str, Any]] = {}
    for path in tree.lists(r"dataset\.json"):
        known |= {key.replace("\\", "/").lower(): facts for key, facts in tree.json(path).items()}
    found: set[str] = set()
    for clip in tree.match(r"(?P<folder>method_\w+|original_videos)/(?P<id>\d+)/.*[^/]+"):
        start = clip.path.lower().index(f"{clip['folder'].lower()}/{clip['id']}/")
        key = clip.path[start:].lower()
        facts = known.get(key)
        found.add(key)
        if not isinstance(facts, dict) or facts.get("label") not in ("real", "fake"):
            tree.skip(clip.path, "dataset.json does not say what it is")
            continue
        split = str(facts.get("set"))
        split = split if split in SPLITS else ""
        shown = str(facts.get("swapped_id") or clip["id"])
        target = str(facts.get("target_id") or "")
        if facts["label"] == "real":
            yield genuine(clip, f"dfdcp:{clip['id']}", f"dfdcp:{clip.stem}", split=split)
        else:
            second = f"dfdcp:{target}" if target else ""
            name = f"dfdc-preview {clip['folder'].lower()}"
            yield synthetic(clip, name, f"dfdcp:{shown}", f"dfdcp:{clip.stem}", second=second, split=split)
    for key in sorted(set(known) - found):
        tree.skip(key, "named by dataset.json, but not there")


LAYOUTS = (
    Layout(
        name="dfdc",
        title="Deepfake Detection Challenge",
        holds="genuine and swapped faces, some with swapped voices",
        terms="DFDC terms of use: research on request, not to be passed on",
        tree="""
dfdc_train_part_{0..49}/*.mp4
dfdc_train_part_{0..49}/metadata.json
test/*.mp4
test/{metadata.json or labels.csv}
""",
        traps=(
            "who is shown is not told: the part stands for the people in it, so that splits keep parts whole",
            "originals may be null or missing; the fakes of one original share their source",
            "copies may nest dfdc_train_part_00/dfdc_train_part_0",
            "all training clips carry the split train: ask for splits by people to have others",
            "papers differ in which 4,000 or 5,000 test clips they use: only what the labels name is taken",
        ),
        read=read,
        official=True,
    ),
    Layout(
        name="dfdc-preview",
        title="Deepfake Detection Challenge, preview",
        holds="genuine and swapped faces",
        terms="DFDC preview terms of use: research on request, not to be passed on",
        tree="""
method_{A,B}/{id}/{…}/*.mp4
original_videos/{id}/*.mp4
dataset.json
""",
        traps=("dataset.json holds the labels; a clip that it does not name is left out",),
        read=read_preview,
        official=True,
    ),
)
