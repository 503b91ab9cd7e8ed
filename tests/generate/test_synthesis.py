"""A corpus made by running a method: sealed clips, an honest index, and a run that goes on where it was."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError, UsageError
from facewright.core.faces import largest_face
from facewright.core.media import VideoReader, VideoWriter, probe, read_audio, read_image
from facewright.datasets.index import Entry, read_index
from facewright.generate.synthesis import Plan, synthesize
from facewright.provenance import read_mark, verify


@pytest.fixture
def portraits(portrait_path, tmp_path):
    """Two pictures of one person and one of another."""
    files = [tmp_path / name for name in ("anna_1.png", "anna_2.png", "bert_1.png")]
    for file in files:
        shutil.copyfile(portrait_path, file)
    return files


def plan(pictures, voice, **changes):
    fields = {"portraits": pictures, "voices": [voice], "count": 3, "seconds": 0.4, "size": 384}
    return Plan(**{**fields, "identity": "^([a-z]+)_", "licence": "A: public domain", **changes})


def test_clips_are_sealed_and_listed_by_person(portraits, speech_path, tmp_path):
    entries = read_index(synthesize(plan(portraits, speech_path), tmp_path / "corpus"))
    assert sorted(entry.source for entry in entries) == ["anna_1", "anna_2", "bert_1"]
    assert {entry.identity for entry in entries} == {"anna", "bert"}
    for entry in entries:
        found = verify(tmp_path / "corpus" / entry.video)
        assert found.state == "valid-untrusted"
        assert found.record
        assert (entry.generator, entry.label, entry.marked) == ("meshwarp", "synthetic", True)
    assert len({verify(tmp_path / "corpus" / entry.video).record_id for entry in entries}) == 3


def test_a_broken_run_goes_on_and_other_options_add(portraits, speech_path, tmp_path):
    out = tmp_path / "corpus"
    synthesize(plan(portraits, speech_path, count=2), out)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mp4")}
    entries = read_index(synthesize(plan(portraits, speech_path), out))
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mp4")}
    assert before.items() < after.items()
    assert len(after) == len(entries) == 3
    assert {
        entry.video for entry in read_index(synthesize(plan(portraits, speech_path, count=1, seed=1), out))
    }.isdisjoint(after)


@pytest.mark.parametrize("changes", [{"portraits": []}, {"count": 0}, {"identity": "x+"}, {"identity": "("}])
def test_what_cannot_be_is_said(changes, portraits, speech_path, tmp_path):
    with pytest.raises(UsageError):
        synthesize(plan(portraits, speech_path, **changes), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_the_command(portraits, speech_path, tmp_path):
    from facewright.cli.main import run

    words = ["--portraits", tmp_path, "--voices", speech_path, "--count", 1, "--seconds", 0.4, "--size", 384]
    assert run([str(word) for word in ["datasets", "synthesize", tmp_path / "out", *words, "--quiet"]]) == 0
    assert len(read_index(tmp_path / "out" / "index.jsonl")) == 1


@pytest.fixture(scope="module")
def filmed(portrait_path, speech_path, tmp_path_factory):
    """Real videos: one too small to be paired, one of 30 frames a second with sound, wider than high."""
    folder = tmp_path_factory.mktemp("filmed")
    picture = read_image(portrait_path)
    voice = read_audio(speech_path, seconds=1.2)
    entries = []
    for name, side, wide in (("small", 200, 200), ("wide", 360, 480)):
        scaled = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        border = (wide - side) // 2
        framed = cv2.copyMakeBorder(scaled, 0, 0, border, border, cv2.BORDER_REFLECT)
        frames = np.stack([np.roll(framed, shift, axis=1) for shift in range(36)])
        with VideoWriter(folder / f"{name}.mp4", width=wide, height=side, fps=30, audio_rate=16000) as writer:
            writer.write(frames)
            writer.write_audio(voice)
        entries.append(Entry(str(folder / f"{name}.mp4"), "genuine", name, name, "A: ours"))
    return entries


def test_each_clip_has_a_genuine_counterpart_through_the_same_encoder(portraits, speech_path, filmed, tmp_path):
    out = tmp_path / "corpus"
    asked = plan(portraits, speech_path, count=1, seconds=0.8, crfs=(24,), genuine=filmed)
    made, real = read_index(synthesize(asked, out))
    assert (real.label, real.identity, real.source, real.generator) == ("genuine", "wide", "wide", "")
    assert (made.marked, real.marked) == (True, True)
    assert made.encode == real.encode == "h264 crf=24 360x360"
    one, other = (probe(out / entry.video) for entry in (made, real))
    assert one.video
    assert other.video
    for name in ("codec", "width", "height", "fps", "frames", "pixel_format"):
        assert getattr(one.video, name) == getattr(other.video, name), name
    assert one.audio == other.audio
    for entry in (made, real):
        assert b"crf=24.0" in (out / entry.video).read_bytes()  # as x264 writes into its stream
    assert verify(out / made.video).state == "valid-untrusted"
    assert read_mark(out / real.video).found
    assert not verify(out / real.video).manifest["present"]
    largest_face(next(iter(VideoReader(out / real.video, chunk=1)))[0])
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mp4")}
    (out / made.video).unlink()  # as if it had been broken off between the two
    assert read_index(synthesize(asked, out)) == [made, real]
    assert (out / real.video).stat().st_mtime_ns == before[real.video]
    assert not list(out.glob(".*"))


def test_unmarked_counterparts_on_request_and_none_that_will_do(portraits, speech_path, filmed, tmp_path):
    asked = plan(portraits, speech_path, count=1, seconds=0.8, genuine=filmed, genuine_marked=0.0)
    _, real = read_index(synthesize(asked, tmp_path / "corpus"))
    assert not real.marked
    assert not read_mark(tmp_path / "corpus" / real.video).found
    with pytest.raises(InputError) as caught:
        synthesize(plan(portraits, speech_path, count=1, genuine=filmed[:1]), tmp_path / "none")
    assert caught.value.code == "no_counterpart"
    assert not list((tmp_path / "none").iterdir())
