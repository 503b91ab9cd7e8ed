"""The clip from the outside: lazy, marked, repeatable, refusing bad calls."""

from __future__ import annotations

import numpy as np
import pytest
from facewright.core.errors import InputError, UsageError
from facewright.core.media import VideoReader, probe
from facewright.generate import SpeechDrive, load, replay
from facewright.generate.clip import even_size
from facewright.provenance import read_mark, verify
from facewright.provenance.labels import Label
from PIL import Image

SECONDS = 1.6


@pytest.fixture(scope="module")
def talker():
    return load()


@pytest.fixture(scope="module")
def close_up(portrait_path, tmp_path_factory):
    """The portrait's head and shoulders, so that small videos hold a face large enough."""
    path = tmp_path_factory.mktemp("portrait") / "close up.png"
    Image.open(portrait_path).crop((80, 0, 368, 288)).save(path)
    return path


@pytest.fixture(scope="module")
def frames(talker, close_up, speech_path):
    """Unmarked frames of one short clip, as the reference for repetitions."""
    clip = talker(close_up, speech_path, size=256, seconds=SECONDS, seed=5)
    return np.concatenate(list(clip._unmarked()))


@pytest.mark.parametrize("chunk", [1, 8, 64])
def test_same_seed_same_pixels_whatever_the_chunk(talker, close_up, speech_path, frames, chunk):
    clip = talker(close_up, speech_path, size=256, seconds=SECONDS, seed=5, chunk=chunk)
    parts = list(clip._unmarked())
    assert max(len(part) for part in parts) <= chunk
    np.testing.assert_array_equal(np.concatenate(parts), frames)


def test_another_seed_moves_otherwise(talker, close_up, speech_path, frames):
    clip = talker(close_up, speech_path, size=256, seconds=SECONDS, seed=6)
    assert not np.array_equal(np.concatenate(list(clip._unmarked())), frames)


def test_length_follows_the_sound(frames):
    assert len(frames) == round(SECONDS * 25)


def test_a_caller_gets_marked_frames(talker, portrait_path, speech_path):
    clip = talker(portrait_path, speech_path, size=512, seconds=2)
    reading = read_mark(iter(clip))
    assert reading.found
    assert reading.record_id == clip.record_id


def test_saved_file_is_sealed(talker, portrait_path, speech_path, tmp_path):
    clip = talker(portrait_path, speech_path, size=512, seconds=2, consent="the subject agreed")
    sealed = clip.save(tmp_path / "out.mp4")
    told = verify(sealed.path)
    assert told.state == "valid-untrusted"
    assert told.record_id == clip.record_id == sealed.record_id
    info = probe(sealed.path)
    assert info.video is not None
    assert (info.video.width, info.video.height) == (clip.width, clip.height)
    assert info.audio is not None
    assert abs(info.audio.seconds - sealed.seconds) < 0.1
    assert sum(len(chunk) for chunk in VideoReader(sealed.path)) == sealed.frames
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4"]


def test_reenact_follows_a_video(talker, close_up, speech_path, tmp_path):
    from facewright.generate import VideoDrive

    driving = talker(close_up, speech_path, size=256, seconds=SECONDS, head_motion=2).save(tmp_path / "driving.mp4")
    clip = talker(close_up, VideoDrive.open(driving.path), size=256)
    again = np.concatenate(list(clip._unmarked()))
    assert len(again) == driving.frames
    assert again.std(axis=0).mean() > 0.5  # it moves


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"mouth": 9}, "bad_control"),
        ({"emotion": "smug"}, "bad_control"),
        ({"mouht": 1}, "unknown_control"),
        ({"fps": 500}, "usage"),
        ({"size": 17}, "usage"),
    ],
)
def test_bad_calls_say_what_is_wrong(talker, portrait_path, speech_path, options, code):
    with pytest.raises(UsageError) as raised:
        talker(portrait_path, speech_path, **options)
    assert raised.value.code == code
    assert raised.value.hint


def test_no_such_method():
    with pytest.raises(UsageError, match="meshwrap") as raised:
        load("meshwrap")
    assert "meshwarp" in raised.value.hint


def test_a_picture_without_a_face(talker, speech_path):
    with pytest.raises(InputError) as raised:
        talker(np.full((300, 300, 3), 127, np.uint8), speech_path)
    assert raised.value.code == "no_face"


def test_a_drive_needs_sound(portrait_path):
    with pytest.raises(InputError):
        SpeechDrive.open(portrait_path)


@pytest.mark.parametrize(
    ("height", "width", "short_side", "expected"),
    [
        (512, 512, None, (512, 512)),
        (4320, 7680, None, (1080, 1920)),
        (301, 403, None, (302, 404)),
        (1350, 1350, 512, (512, 512)),
    ],
)
def test_sizes_are_even(height, width, short_side, expected):
    assert even_size(height, width, short_side) == expected


def test_a_label_is_in_the_frames_and_comes_back_with_replay(
    talker, close_up, speech_path, frames, tmp_path, monkeypatch
):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    label = Label("china", provider="A provider", cue=True)
    clip = talker(close_up, speech_path, size=256, seconds=SECONDS, seed=5, chunk=7, label=label)
    labelled = np.concatenate(list(clip._unmarked()))
    changed = (labelled != frames).any(axis=(0, 3))
    assert changed[-60:, :80].any()
    assert not changed[:128].any()
    sealed = clip.save(tmp_path / "labelled.mp4")
    again = replay(sealed.path)
    assert again.label == label
    np.testing.assert_array_equal(np.concatenate(list(again._unmarked())), labelled)
