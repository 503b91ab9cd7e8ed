"""A pack of crops: what goes in comes out, within its bytes, and nothing looks for a face."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from facewright.core.errors import AssetError, UsageError
from facewright.core.media import VideoWriter, read_audio, read_image
from facewright.datasets.crops import Crops, FaceClip, face_crops
from facewright.datasets.index import Entry, read_index
from facewright.datasets.packing import pack

RECIPE = {"margin": 0.45, "shift_up": 0.1}
SIZE, RATE = 128, 16_000


@pytest.fixture(scope="module")
def crops(portrait_path, tmp_path_factory) -> Crops:
    """A clip of 40 frames with sound, and one of 30 without; landmarks are made up, no face is looked for."""
    folder = tmp_path_factory.mktemp("crops")
    picture = cv2.resize(read_image(portrait_path), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    clips = []
    for name, length, rate in (("anna", 40, RATE), ("bert", 30, None)):
        video = folder / f"{name}.mp4"
        frames = np.stack([np.roll(picture, number // 2, axis=1) for number in range(length)])
        with VideoWriter(video, width=SIZE, height=SIZE, fps=25, audio_rate=rate) as writer:
            writer.write(frames)
            if rate:
                writer.write_audio(np.sin(np.arange(length * 640) / 8).astype(np.float32) / 4)
        np.save(folder / f"{name}.frames.npy", frames)
        points = np.random.default_rng(length).uniform(-20, SIZE, (length, 478, 3))
        np.save(folder / f"{name}.landmarks.npy", points.astype(np.float32))
        entry = Entry(str(video), "genuine", name, name, "A: public domain", split="train" if rate else "val")
        clips.append(FaceClip(entry, 0.0, 25.0, length, folder / f"{name}.frames.npy"))
    return Crops(clips)


@pytest.fixture(scope="module")
def packed(crops, tmp_path_factory) -> Path:
    return pack(crops, tmp_path_factory.mktemp("pack"), limit=2**22, **RECIPE)


def test_what_goes_in_comes_out(crops, packed, tmp_path):
    found = face_crops(packed, tmp_path, size=SIZE, **RECIPE)
    assert [(clip.identity, clip.length) for clip in found.clips] == [("anna", 40), ("bert", 30)]
    for before, after in zip(crops.clips, found.clips, strict=True):
        assert np.abs(after.frames.astype(float) - before.frames).mean() < 4
        np.testing.assert_allclose(after.landmarks, before.landmarks, atol=1 / 64)
    heard = read_audio(found.clips[0].video, rate=RATE)
    assert np.corrcoef(heard[:16000], np.sin(np.arange(16000) / 8))[0, 1] > 0.9
    assert [clip.identity for clip in face_crops(packed, tmp_path, size=SIZE, split="val", **RECIPE).clips] == ["bert"]


def test_smaller_crops_are_made_from_it(packed, tmp_path):
    whole = face_crops(packed, tmp_path, size=SIZE, **RECIPE).clips[0]
    half = face_crops(packed, tmp_path, size=SIZE // 2, **RECIPE).clips[0]
    assert half.frames.shape[1:] == (SIZE // 2, SIZE // 2, 3)
    np.testing.assert_allclose(2 * half.landmarks[..., :2] + 0.5, whole.landmarks[..., :2], atol=1e-4)


def test_limits_are_kept_by_leaving_ends_out(crops, tmp_path):
    whole = sum(file.stat().st_size for file in pack(crops, tmp_path / "a", limit=2**22, **RECIPE).parent.iterdir())
    index = pack(crops, tmp_path / "b", limit=int(0.85 * whole), **RECIPE)
    assert sum(file.stat().st_size for file in index.parent.iterdir()) <= 0.85 * whole
    found = face_crops(index, tmp_path / "cache", size=SIZE, **RECIPE)
    assert all(clip.length >= 25 for clip in found.clips)
    assert sum(clip.length for clip in found.clips) < 70
    with pytest.raises(UsageError, match="too few"):
        pack(crops, tmp_path / "c", limit=20_000, **RECIPE)
    with pytest.raises(UsageError, match="not empty"):
        pack(crops, tmp_path / "a", limit=2**22, **RECIPE)


@pytest.mark.parametrize("wish", [{"margin": 0.3}, {"size": 2 * SIZE}, {"fps": 30}])
def test_crops_of_another_form_are_not_passed_off(packed, tmp_path, wish):
    with pytest.raises(AssetError) as caught:
        face_crops(packed, tmp_path, **{"size": SIZE, **RECIPE, **wish})
    assert caught.value.code == "other_crops"
    assert "datasets pack" in caught.value.hint


def test_entries_keep_their_terms(packed):
    assert [(entry.licence, entry.video) for entry in read_index(packed)] == [
        ("A: public domain", "00000.mp4"),
        ("A: public domain", "00001.mp4"),
    ]


TRAIN = """
import json, sys
sys.modules["mediapipe"] = None  # as where it is not installed
from pathlib import Path
from facewright.core.training import Options, train
from facewright.generate.methods import registry
for name in ("infp",):
    stages = registry.stages(name)
    train(name, stages, 1, Path(sys.argv[1]), Path(sys.argv[2]) / name, preset="toy", steps=1, options=Options("cpu"))
print(json.dumps(sorted(module for module in sys.modules if "mediapipe" in module)))
"""


@pytest.mark.slow
def test_it_trains_where_there_is_no_face_finder(packed, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(packed), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["mediapipe"]
    assert (tmp_path / "infp" / "stage-1" / "weights" / "record.json").is_file()
