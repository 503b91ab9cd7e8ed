"""Trees as they lie on real disks: half unpacked, damaged, misnamed, hostile. All of it is said, none is taken."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from facewright.core.errors import FacewrightError, InputError, UsageError
from facewright.datasets.index import read_index
from facewright.datasets.prepare import Prepared, prepare
from facewright.datasets.readers.registry import LAYOUTS
from facewright.datasets.readers.tree import Tree

REAL, FAKE = "Celeb-real/id0_0000.mp4", "Celeb-synthesis/id0_id1_0000.mp4"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123456\n"


@pytest.fixture
def root(tmp_path) -> Path:
    """Two clips of Celeb-DF, without the test list."""
    for name in (REAL, FAKE):
        put(tmp_path / "set" / name)
    return tmp_path / "set"


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read(root: Path, name: str = "celebdf") -> Prepared:
    return prepare(name, root, root.parent / "index.jsonl")


def reasons(made: Prepared) -> dict[str, str]:
    return {each.path: each.reason for each in made.skipped}


def test_without_its_list_a_set_is_split_by_people(root):
    made = read(root)
    assert made.splits == "people"
    assert "no official splits" in made.notes[0]
    assert len({entry.split for entry in made.entries}) == 1  # one recording
    with pytest.raises(UsageError, match="no official splits"):
        prepare("celebdf", root, root.parent / "index.jsonl", splits="official")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (b"Celeb-real/id5_0000.mp4", b"", "empty"),
        (b"Celeb-real/id5_0000.mp4", POINTER, "git LFS"),
        (b"Celeb-real/id5_0000.zip", b"PK", "not unpacked"),
        (b"Celeb-real/other.mp4", b"x", "fits no place"),
        (b"Celeb-real\\id5_0000.mp4", b"x", "backslash"),
        (b"Celeb-real/id5_0000\n.mp4", b"x", "cannot be printed"),
        (b"Celeb-real/id5_\xff\xfe.mp4", b"x", "cannot be printed"),
        ("Celeb-real/id5_\u202e0000.mp4".encode(), b"x", "cannot be printed"),  # would print the name backwards
    ],
)
def test_odd_files_are_left_out_with_a_reason(root, name, content, reason):
    path = os.path.join(os.fsencode(root), name)
    with open(path, "wb") as file:
        file.write(content)
    made = read(root)
    assert len(made.entries) == 2
    ((path, said),) = reasons(made).items()
    assert reason in said
    assert path.isprintable()
    json.dumps(made.to_dict(), ensure_ascii=False).encode()


def test_lines_of_lists_do_not_speak_to_the_terminal(root):
    put(root / "List_of_testing_videos.txt", b"1 Celeb-real/\x1b[2Jgone.mp4\n\x1b]0;title\x07\n")
    assert len(reasons(read(root))) == 2
    assert all(path.isprintable() for path in reasons(read(root)))


def test_links_out_of_the_folder_are_not_followed(root):
    secret = put(root.parent / "elsewhere" / "id5_0000.mp4")
    os.symlink(secret, root / "Celeb-real" / "id5_0000.mp4")
    os.symlink(secret.parent, root / "YouTube-real")
    os.symlink(root, root / "loop")
    os.symlink("id0_0000.mp4", root / "Celeb-real" / "id6_0000.mp4")  # within: a clip like any other
    made = read(root)
    assert {Path(entry.video).name for entry in made.entries} == {"id0_0000.mp4", "id6_0000.mp4", "id0_id1_0000.mp4"}
    assert reasons(made) == {
        "Celeb-real/id5_0000.mp4": "a link that leads out of the folder",
        "YouTube-real": "a link to a folder: not followed",
        "loop": "a link to a folder: not followed",
    }


def test_case_and_depth_do_not_matter(tmp_path):
    put(tmp_path / "set/a/b/CELEB-REAL/ID3_0001.MP4")
    (entry,) = read(tmp_path / "set").entries
    assert (entry.identity, entry.source) == ("celebdf:id3", "celebdf:id3_0001")


def test_hidden_files_and_folders_with_names_of_clips_are_nothing(root):
    put(root / ".git" / REAL)
    put(root / "Celeb-real" / "._id0_0000.mp4")
    (root / "Celeb-real" / "id8_0000.mp4").mkdir()
    made = read(root)
    assert len(made.entries) == 2
    assert not made.skipped


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_holds_nothing_of_a_layout_is_said(tmp_path, name):
    put(tmp_path / "set" / "readme.txt")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "set", name)
    assert caught.value.code == "bad_corpus"
    assert LAYOUTS[name].tree.split("\n")[1] in caught.value.hint
    assert not (tmp_path / "index.jsonl").exists()


def test_calls_that_cannot_be(root, tmp_path):
    for call in (
        lambda: prepare("celeb", root, tmp_path / "index.jsonl"),
        lambda: prepare("celebdf", root / "none", tmp_path / "index.jsonl"),
        lambda: prepare("celebdf", root / REAL, tmp_path / "index.jsonl"),
        lambda: prepare("celebdf", root, tmp_path / "none" / "index.jsonl"),
    ):
        with pytest.raises(FacewrightError) as caught:
            call()
        assert caught.value.code in ("usage", "unreadable", "no_folder")


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("faceforensics", "splits/train.json", b"[[1, 2"),
        ("faceforensics", "splits/train.json", b'{"a": 1}'),
        ("faceforensics", "splits/train.json", b'[["000"]]'),
        ("faceforensics", "splits/train.json", b"[" * 100_000),
        ("faceforensics", "splits/train.json", POINTER),
        ("faceforensics", "splits/train.json", b""),
        ("celebdf", "List_of_testing_videos.txt", b"1 Celeb-real/\xff.mp4"),
        ("dfdc", "metadata.json", b"[]"),
        ("dfdc", "labels.csv", b"name;label\nx.mp4;1\n"),
        ("dfdc", "labels.csv", b"filename,label\n" + b"x" * 200_000 + b",1\n"),
        ("dfdc", "labels.csv", b""),
        ("celebahq", "CelebA-HQ-to-CelebA-mapping.txt", b"idx orig_idx orig_file\n" + b"9" * 5000 + b" 1 2.jpg\n"),
        ("fakeavceleb", "meta_data.csv", b"source,target1,target2,method,category,type,race,gender,path\na,b\n"),
        ("celebahq", "CelebA-HQ-to-CelebA-mapping.txt", b"idx orig_idx orig_file\nx 1 2.jpg\n"),
        ("celebahq", "CelebA-HQ-to-CelebA-mapping.txt", b"idx orig_idx orig_file\n7\n"),
    ],
)
def test_a_damaged_list_is_named(tmp_path, name, file, content):
    path = put(tmp_path / "set" / file, content)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "set", name)
    assert caught.value.code == "bad_corpus"
    assert str(path) in caught.value.message


def test_a_number_in_two_lists_of_splits_is_refused(tmp_path):
    put(tmp_path / "set/original_sequences/youtube/c23/videos/000.mp4")
    put(tmp_path / "set/train.json", b'[["000", "003"]]')
    put(tmp_path / "set/test.json", b'[["003", "004"]]')
    with pytest.raises(InputError, match="003 stands in train too"):
        read(tmp_path / "set", "faceforensics")


def test_metadata_of_nothing_and_of_odd_kinds(tmp_path):
    put(tmp_path / "set/dfdc_train_part_1/a.mp4")
    put(
        tmp_path / "set/dfdc_train_part_1/metadata.json",
        b'{"a.mp4": {"label": "REAL", "split": "holdout", "original": 3}}',
    )
    put(tmp_path / "set/dfdc_train_part_2/metadata.json", b"{}")
    put(tmp_path / "set/dfdc_train_part_3/metadata.json", b'{"b.mp4": 5, "c.mp4": {"label": ["FAKE"]}}')
    made = read(tmp_path / "set", "dfdc")
    assert [(entry.label, entry.split) for entry in made.entries] == [("genuine", made.entries[0].split)]
    assert sorted(reasons(made).values()) == [
        "has no label that is known",
        "has no label that is known",
        "names no clip",
    ]


def test_lists_of_df40_may_be_anything(tmp_path):
    put(tmp_path / "set/DF40/e4s/ff/frames/000_003/0.png")
    odd = {"a": 1, "b": {"c": {"train": {"x": {"frames": []}, "y": [], "z": {"c23": {"v": {"frames": ["0.png"]}}}}}}}
    put(tmp_path / "set/x.json", json.dumps(odd).encode())
    (entry,) = read(tmp_path / "set", "df40").entries
    assert entry.split == "test"


def test_paths_are_relative_below_the_index_and_absolute_elsewhere(root, tmp_path, monkeypatch):
    assert read(root).entries[0].video == f"set/{REAL}"
    (tmp_path / "other").mkdir()
    prepare("celebdf", root, tmp_path / "other" / "index.csv")
    assert read_index(tmp_path / "other" / "index.csv")[0].video == str(root.resolve() / REAL)
    monkeypatch.chdir(tmp_path)
    assert prepare("celebdf", Path("set"), Path("index.jsonl")).entries[0].video == f"set/{REAL}"


def test_a_tree_is_walked_once(root, monkeypatch):
    tree = Tree(root)
    assert len(tree.files) == 2
    monkeypatch.setattr(os, "walk", None)
    assert len(list(tree.match(r"id0_0000"))) == 1
    assert not list(tree.match(r"id0_0000")), "what one pattern took, no other takes"
