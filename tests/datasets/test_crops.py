"""Face crops to learn from: what is cut, what is kept, what is drawn."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
from facewright.core.errors import AssetError, MachineError
from facewright.core.faces import largest_face
from facewright.core.media import VideoWriter, read_image
from facewright.datasets import crops as made
from facewright.datasets.crops import Crops, FaceClip, face_crops
from facewright.datasets.index import Entry
from facewright.datasets.manifest import read_videos

FPS = 10


def moved(picture: np.ndarray, number: int) -> np.ndarray:
    """The picture, swaying by up to 8 pixels."""
    matrix = np.float32([[1, 0, 8 * np.sin(number / 4)], [0, 1, 5 * np.cos(number / 5)]])
    return cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


@pytest.fixture(scope="module")
def folder(portrait_path: Path, tmp_path_factory) -> Path:
    """Two videos: one of a face for 15 frames, nothing for 6, and the face for 12; one without a face. An index."""
    folder = tmp_path_factory.mktemp("videos")
    picture = cv2.resize(read_image(portrait_path), (384, 384), interpolation=cv2.INTER_AREA)
    empty = np.full_like(picture, 90)
    shows = [moved(picture, n) for n in range(15)] + [empty] * 6 + [moved(picture, n) for n in range(12)]
    for name, frames in (("talk", shows), ("wall", [empty] * 12)):
        with VideoWriter(folder / f"{name}.mp4", width=384, height=384, fps=FPS) as writer:
            writer.write(np.stack(frames))
    lines = [
        {"video": f"{name}.mp4", "label": "genuine", "identity": name, "source": name, "licence": "A: public domain"}
        for name in ("talk", "wall")
    ]
    (folder / "index.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


@pytest.fixture(scope="module")
def cut(folder, tmp_path_factory) -> tuple[Path, Crops]:
    cache = tmp_path_factory.mktemp("cache")
    return cache, face_crops(folder / "index.jsonl", cache, size=128, fps=FPS)


def test_shots_become_clips(cut):
    _, crops = cut
    assert [(clip.identity, clip.length) for clip in crops.clips] == [("talk", 15), ("talk", 12)]
    assert crops.clips[1].start == pytest.approx(2.1)
    assert crops.identities == ["talk"]
    assert crops.sources() == ["1 people, 3 s: A: public domain"]


def test_a_clip_holds_the_face_and_where_it_is(cut):
    _, crops = cut
    for clip in crops.clips:
        assert clip.frames.shape == (clip.length, 128, 128, 3)
        assert clip.frames.dtype == np.uint8
        assert clip.landmarks.shape == (clip.length, 478, 3)
        found = largest_face(cv2.resize(np.asarray(clip.frames[7]), (384, 384))).landmarks[:, :2] / 3
        assert np.abs(found - clip.landmarks[7, :, :2]).mean() < 1.5
    sway = np.ptp(crops.clips[0].landmarks[:, 1, 0])
    assert sway > 3  # one square for the whole shot: the head moves in it


def test_workers_cut_the_same(cut, folder, tmp_path):
    _, crops = cut
    others = face_crops(folder / "index.jsonl", tmp_path, size=128, fps=FPS, workers=1)
    pairs = list(zip(crops.clips, others.clips, strict=True))
    assert pairs
    assert all(np.array_equal(one.frames, other.frames) for one, other in pairs)
    assert all(np.array_equal(one.landmarks, other.landmarks) for one, other in pairs)


def test_the_second_time_nothing_is_decoded(cut, folder, monkeypatch):
    cache, crops = cut
    monkeypatch.setattr(made, "cut_video", None)
    assert [clip.path for clip in face_crops(folder / "index.jsonl", cache, size=128, fps=FPS).clips] == [
        clip.path for clip in crops.clips
    ]


def test_other_crops_are_made_anew(cut, folder, monkeypatch):
    cache, _ = cut
    calls = []
    monkeypatch.setattr(made, "cut_video", lambda *args: calls.append(args) or (_ for _ in ()).throw(AssertionError))
    with pytest.raises(AssertionError):
        face_crops(folder / "index.jsonl", cache, size=64, fps=FPS)
    assert calls


def test_long_shots_are_parted(folder, tmp_path):
    crops = face_crops(folder / "index.jsonl", tmp_path, size=64, fps=FPS, longest=1.2, most=1.5)
    assert [clip.length for clip in crops.clips] == [12]  # the rest, three frames, is too short


def test_a_full_disk_leaves_no_half_clip(folder, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(MachineError) as caught:
            face_crops(folder / "index.jsonl", tmp_path, size=128, fps=FPS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "disk_full"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_no_face_at_all_is_an_error(folder, tmp_path):
    lines = (folder / "index.jsonl").read_text().splitlines()
    (folder / "wall.jsonl").write_text(lines[1])
    with pytest.raises(AssetError, match="shows a face"):
        face_crops(folder / "wall.jsonl", tmp_path, size=64, fps=FPS)


def test_class_c_is_not_learned_from(folder):
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    own, foreign = {**lines[0], "licence": "my own film"}, {**lines[1], "licence": "C: unknown"}
    (folder / "mixed.jsonl").write_text("\n".join(map(json.dumps, (own, foreign))))
    assert [Path(entry.video).stem for entry in read_videos(folder / "mixed.jsonl")] == ["talk"]
    assert len(read_videos(folder / "mixed.jsonl", terms=("A", "B", "C"))) == 2


def test_a_manifest_is_an_index(folder, tmp_path):
    (tmp_path / "video_real").mkdir()
    for name in ("talk", "wall"):
        os.symlink(folder / f"{name}.mp4", tmp_path / "video_real" / f"{name}.mp4")
    (tmp_path / "MANIFEST.csv").write_text(
        "file,class,kind,identity_id,licence_terms\n"
        "video_real/talk.mp4,A,real,someone,public domain\n"
        "video_real/wall.mp4,C,real,other,unknown\n"
        "video_fake/talk.mp4,A,fake,someone,public domain\n"
        "video_real/gone.mp4,A,real,someone,public domain\n"
    )
    (entry,) = read_videos(tmp_path)
    assert (entry.identity, entry.licence, entry.label) == ("someone", "A: public domain", "genuine")
    (tmp_path / "MANIFEST.csv").unlink()
    with pytest.raises(AssetError):
        read_videos(tmp_path)


def test_some_people_are_held_out():
    entries = [Entry(f"{n}.mp4", "genuine", f"person {n // 2}", f"{n}", "A: x") for n in range(40)]
    parted = made._parted(entries)
    split_of = {entry.identity: entry.split for entry in parted}
    assert list(split_of.values()).count("val") == 2
    assert all(split_of[entry.identity] == entry.split for entry in parted)
    assert {entry.split for entry in made._parted(entries[:4])} == {"train", "val"}
    assert {entry.split for entry in made._parted(entries[:1])} == {"train"}
    own = [Entry("a", "genuine", "a", "a", "A: x", split="test"), Entry("b", "genuine", "b", "b", "A: x")]
    assert made._parted(own) == own


def test_only_the_split_is_cut(folder, tmp_path):
    with pytest.raises(AssetError, match="in split 'test'"):
        face_crops(folder / "index.jsonl", tmp_path, split="test")


@pytest.fixture
def many() -> Crops:
    """A person with one clip of 50 frames, another with two of 100 and 300."""

    def clip(identity: str, length: int) -> FaceClip:
        entry = Entry(f"{identity}{length}.mp4", "genuine", identity, "", "")
        return FaceClip(entry, 0.0, 25.0, length, Path(f"{length}.frames.npy"))

    return Crops([clip("one", 50), clip("two", 100), clip("two", 300)])


def test_pairs_are_fair_to_people_and_to_frames(many):
    drawn = [many.pair(np.random.default_rng(seed)) for seed in range(2000)]
    assert all(i != j and min(i, j) >= 0 and max(i, j) < clip.length for clip, i, j in drawn)
    lengths = [clip.length for clip, _, _ in drawn]
    assert lengths.count(50) / 2000 == pytest.approx(0.5, abs=0.04)
    assert lengths.count(300) / lengths.count(100) == pytest.approx(3, rel=0.2)
    assert np.mean([i < j for _, i, j in drawn]) == pytest.approx(0.5, abs=0.04)


def test_pairs_stand_apart_as_far_as_they_can(many):
    drawn = [many.pair(np.random.default_rng(seed), apart=3.0) for seed in range(300)]
    assert all(abs(i - j) >= min(75, clip.length - 1) for clip, i, j in drawn)


def test_windows_lie_in_clips_long_enough(many):
    drawn = [many.window(np.random.default_rng(seed), 100) for seed in range(300)]
    assert {clip.length for clip, _ in drawn} == {100, 300}
    assert all(0 <= start <= clip.length - 100 for clip, start in drawn)
    with pytest.raises(AssetError):
        many.window(np.random.default_rng(0), 301)


def test_the_same_seed_draws_the_same(many):
    assert many.pair(np.random.default_rng(7)) == many.pair(np.random.default_rng(7))
