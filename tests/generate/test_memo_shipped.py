"""The small weights of MEMO that ship: intact, told about, and a face that a voice moves."""

from __future__ import annotations

import numpy as np
import pytest
from facewright.core.errors import UsageError
from facewright.core.faces import find_faces
from facewright.core.media import read_image
from facewright.core.weights import check, record
from facewright.generate import SpeechDrive, load


def test_their_record_tells_how_they_were_made():
    held = record("memo")
    check(held)
    assert {file.path.stem for file in held.files} == {
        "vae", "reference_net", "diffusion_net", "image_proj", "audio_proj",
    }  # fmt: skip
    assert max(file.bytes for file in held.files) < 16e6
    assert len(held.made) == 3
    assert all("--preset compact" in stage["command"] for stage in held.made.values())
    assert any("CC BY 4.0" in str(line) for line in held.data)


@pytest.fixture(scope="module")
def talker():
    return load("memo", device="cpu")


def test_a_voice_moves_a_face_that_is_still_one(talker, portrait_path, speech_path):
    picture = read_image(portrait_path)
    voice = SpeechDrive.open(speech_path, limit=0.6)
    clip = talker(portrait_path, voice, seed=1, steps=4)
    frames = np.concatenate(list(clip._unmarked()))
    assert frames.shape == (15, 512, 512, 3)
    (before, *_), (after, *_) = find_faces(picture), find_faces(frames[-1])
    unit = np.linalg.norm(before.landmarks[33, :2] - before.landmarks[263, :2])
    off = np.linalg.norm(before.landmarks[:, :2] - after.landmarks[:, :2], axis=1).mean() / unit
    assert off < 0.25
    assert np.abs(frames.astype(int) - picture).mean() < 10
    assert frames.std(0).max() > 5


def test_they_know_no_emotion(talker, portrait_path, speech_path):
    with pytest.raises(UsageError) as caught:
        list(talker(portrait_path, SpeechDrive.open(speech_path, limit=0.4), emotion="happy")._unmarked())
    assert "name none" in caught.value.hint
