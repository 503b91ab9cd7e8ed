"""What `check` must find in a corpus, and that it finds nothing in a sound one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import VideoWriter
from facewright.datasets.checking import Checked, check
from facewright.datasets.container import frames_of, look
from facewright.datasets.index import Entry, write_index

PEOPLE = 12
FRAMES = 10


def film(path: Path, seed: int, fps: float = 25, crf: float = 18) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (FRAMES, 8, 8, 3), np.uint8)
    with VideoWriter(path, width=64, height=64, fps=fps, crf=crf) as writer:
        writer.write(np.stack([cv2.resize(frame, (64, 64)) for frame in noise]))


def clip(name: str, label: str, person: str, **more) -> Entry:
    generator = "maker" if label == "synthetic" else ""
    return Entry(name, label, person, person, "A: ours", generator, **more)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A corpus without a fault: people of either label, filmed and encoded alike."""
    folder = tmp_path_factory.mktemp("sound")
    entries = []
    for number in range(2 * PEOPLE):
        film(folder / f"{number}.mp4", number)
        label = "synthetic" if number % 2 else "genuine"
        entries.append(clip(f"{number}.mp4", label, f"p{number}", split="test" if number % 6 < 2 else "train"))
    write_index(folder / "index.jsonl", entries)
    return folder


@pytest.fixture
def corpus(sound, tmp_path):
    """The same, to be spoilt: `corpus(change)` maps each entry, and gives what the check finds."""
    folder = shutil.copytree(sound, tmp_path / "corpus")
    entries = [clip(f"{n}.mp4", "synthetic" if n % 2 else "genuine", f"p{n}") for n in range(2 * PEOPLE)]

    def spoilt(change=lambda entry: entry, **how) -> Checked:
        lines = [change(entry) for entry in entries]
        text = "\n".join(json.dumps(vars(entry)) for entry in lines)
        (folder / "index.jsonl").write_text(text)  # not `write_index`, which refuses what contradicts itself
        return check(folder / "index.jsonl", **how)

    spoilt.folder = folder
    return spoilt


def codes(found: Checked, grave: bool = True) -> set[str]:
    return {finding.code for finding in found.findings if finding.grave == grave}


def test_a_sound_corpus_has_no_finding(sound):
    found = check(sound / "index.jsonl", deep=True)
    assert found.sound
    assert not found.findings
    assert (found.clips, found.looked_into, found.people) == (24, 24, 24)
    assert found.splits == {"test": {"genuine": 4, "synthetic": 4}, "train": {"genuine": 8, "synthetic": 8}}
    assert found.containers["genuine"]["codec"] == {"h264": 12}
    assert found.containers["synthetic"]["width"] == 64
    assert found.baseline
    assert found.baseline.low < 0.6


def test_files_that_are_not_there_or_broken(corpus):
    (corpus.folder / "0.mp4").unlink()
    (corpus.folder / "1.mp4").write_bytes(b"not a video")
    whole = (corpus.folder / "2.mp4").read_bytes()
    (corpus.folder / "2.mp4").write_bytes(whole[: int(0.6 * len(whole))])  # a copy that broke off
    shallow, deep = corpus(), corpus(deep=True)
    assert codes(shallow) == {"missing", "unreadable"}
    gone = corpus(lambda entry: replace(entry, video=f"\x1b[2J{entry.video}"), sample=1)
    assert all(example.isprintable() for finding in gone.findings for example in finding.examples)
    count = {finding.code: finding.count for finding in shallow.findings}
    assert (count["missing"], count["unreadable"]) == (1, 1)
    assert {finding.count for finding in deep.findings if finding.code == "unreadable"} == {2}


def test_leaks_and_contradictions_are_all_named(corpus):
    def change(entry: Entry) -> Entry:
        number = int(entry.video.split(".")[0])
        if number < 4:
            return replace(entry, identity="one", source=f"s{number}", split="train" if number < 2 else "test")
        return replace(entry, generator="maker") if number == 4 else entry

    found = corpus(change, sample=1)
    said = {finding.code: finding for finding in found.findings}
    assert said["leak"].examples == ("identity 'one' stands in both 'train' and 'test'",)
    assert "name their generator" in said["contradiction"].examples[0]


def test_the_second_person_leaks_too(corpus):
    found = corpus(
        lambda entry: replace(entry, split="train" if entry.video < "2" else "test", second="both"), sample=1
    )
    assert "leak" in codes(found)


def test_doubles_are_found_by_content(corpus):
    for one, other in (("0", "1"), ("2", "4")):
        shutil.copy(corpus.folder / f"{one}.mp4", corpus.folder / f"{other}.mp4")
    found = corpus(sample=1)
    said = {finding.code: finding.examples for finding in found.findings}
    assert said["duplicate_apart"] == ("0.mp4 = 1.mp4",)
    assert said["duplicate"] == ("2.mp4 = 4.mp4",)


def test_a_frame_rate_of_one_label_gives_it_away(corpus):
    for number in range(1, 2 * PEOPLE, 2):
        film(corpus.folder / f"{number}.mp4", number, fps=30)
    found = corpus()
    (finding,) = [finding for finding in found.findings if finding.code == "container"]
    assert finding.grave
    assert "fps 1.00" in finding.message
    assert found.baseline
    assert found.baseline.auc > 0.95
    assert found.baseline.alone["codec"] == 0.5


def test_a_bit_rate_of_one_label_is_a_fault_unless_it_lies_in_the_pictures(corpus):
    for number in range(1, 2 * PEOPLE, 2):
        film(corpus.folder / f"{number}.mp4", number, crf=40)
    found = corpus()
    assert codes(found) == {"bit_rate"}
    assert found.bit_rate
    assert found.bit_rate.auc > 0.95
    alike = corpus(lambda entry: replace(entry, encode="h264 crf=18"))
    assert alike.sound
    assert "bit_rate" in codes(alike, grave=False)


def test_a_watermark_on_one_label(corpus):
    def found(marked: Callable[[Entry], bool], grave: bool) -> bool:
        return "watermark" in codes(corpus(lambda entry: replace(entry, marked=marked(entry)), sample=1), grave)

    assert found(lambda entry: entry.synthetic, grave=True)
    assert found(lambda entry: not entry.synthetic, grave=True)
    assert found(lambda entry: entry.synthetic or entry.video < "11", grave=False)
    assert not any(found(lambda entry, m=marked: m, grave) for marked in (True, False) for grave in (True, False))


def test_labels_that_are_missing_are_told_and_no_fault(corpus):
    alone = corpus(lambda entry: replace(entry, label="genuine", generator=""), sample=1)
    assert alone.sound
    assert alone.baseline is None
    assert codes(alone, grave=False) == {"one_label"}
    apart = corpus(lambda entry: replace(entry, split="train" if entry.synthetic else "test"), sample=1)
    assert {finding.count for finding in apart.findings if finding.code == "one_label"} == {12}
    few = corpus(lambda entry: replace(entry, identity=entry.label))
    assert "baseline" in codes(few, grave=False)


def test_a_sample_looks_into_some_and_counts_all(corpus):
    (corpus.folder / "3.mp4").unlink()
    found = corpus(sample=4)
    assert found.looked_into == 8
    assert codes(found) >= {"missing"}


def test_stills_and_folders_of_frames(tmp_path):
    picture = np.full((48, 64, 3), 90, np.uint8)
    (tmp_path / "frames").mkdir()
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), picture)
    cv2.imwrite(str(tmp_path / "still.jpg"), picture)
    seen = look(tmp_path / "frames", deep=True)
    assert (seen.width, seen.height, seen.seconds, seen.container, seen.codec) == (64, 48, 3, "frames", "png")
    assert [path.stem for path in frames_of(tmp_path / "frames")] == ["1", "2", "10"]
    assert (look(tmp_path / "still.jpg", deep=True).width, look(tmp_path / "still.jpg").seconds) == (64, 1)
    (tmp_path / "frames" / "2.png").write_bytes(b"x")
    assert look(tmp_path / "frames").width == 64
    with pytest.raises(InputError):
        look(tmp_path / "frames", deep=True)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError):
        look(tmp_path / "none")
