"""Backends: video mode, what insightface refuses, how quiet they are."""

from __future__ import annotations

import subprocess
import sys
import types

import cv2
import numpy as np
import pytest
from facewright.core.errors import AssetError, UsageError
from facewright.core.faces import BACKENDS, largest_face, load_backend


@pytest.fixture(scope="module")
def picture(portrait_path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(portrait_path))[..., ::-1])


@pytest.fixture(scope="module")
def face(picture):
    return largest_face(picture)


def test_video_mode_agrees_with_stills_and_is_steady(picture, face):
    rng = np.random.default_rng(1)
    backend = load_backend(video=True)
    tracks = []
    for _ in range(30):
        noisy = np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
        (found,) = backend.detect(noisy)
        assert not backend.cut
        tracks.append(found.landmarks)
    backend.close()
    tracks = np.array(tracks[2:])
    assert np.linalg.norm(tracks.mean(0) - face.landmarks, axis=1)[:468].mean() / face.size < 0.015
    assert tracks.std(0)[:, :2].mean() < 0.2  # pixels, of a face of 110


def test_video_mode_follows_motion_and_is_deterministic(picture, face):
    shifts = np.round(30 * np.sin(np.arange(24) / 4)).astype(int)
    runs = []
    for _ in range(2):
        backend = load_backend(video=True)
        runs.append([backend.detect(np.roll(picture, shift, axis=1))[0].landmarks for shift in shifts])
        backend.close()
    assert np.array_equal(runs[0], runs[1])
    for shift, landmarks in zip(shifts, runs[0], strict=True):
        assert np.linalg.norm(landmarks[:, :2] - face.landmarks[:, :2] - [shift, 0], axis=1).mean() / face.size < 0.02


def test_video_mode_lets_go_of_what_the_detector_denies(picture, monkeypatch):
    backend = load_backend(video=True)
    assert len(backend.detect(picture)) == 1
    for name in ("near", "quick", "thorough"):  # as where a head has turned away and the mesh clings to the hair
        monkeypatch.setattr(backend._finder, name, lambda *_: [])
    counts = [len(backend.detect(picture)) for _ in range(20)]
    backend.close()
    assert counts == [1] * 14 + [0] * 6


def test_unknown_backend():
    assert BACKENDS == ("mediapipe", "insightface")
    with pytest.raises(UsageError, match="no face backend 'haar'"):
        load_backend("haar")


def test_insightface_refuses_without_a_pack(tmp_path, monkeypatch):
    monkeypatch.setenv("INSIGHTFACE_HOME", str(tmp_path))
    with pytest.raises(AssetError) as error:
        load_backend("insightface")
    assert error.value.code == "weights_missing"
    assert "INSIGHTFACE_HOME" in error.value.hint
    assert list(tmp_path.iterdir()) == []  # and fetched nothing


@pytest.mark.slow  # importing insightface alone takes ten seconds
def test_insightface_refuses_a_broken_model(tmp_path):
    pytest.importorskip("insightface", reason="the optional package insightface is not installed")
    (tmp_path / "models/pack").mkdir(parents=True)
    (tmp_path / "models/pack/det_10g.onnx").write_bytes(b"no model")
    with pytest.raises(AssetError) as error:
        load_backend("insightface", root=tmp_path)
    assert error.value.code == "bad_weights"


def test_insightface_boxes_lead_to_the_same_landmarks(picture, face, tmp_path, monkeypatch):
    class Scrfd:
        def prepare(self, **_):
            pass

        def detect(self, bgr):
            assert np.array_equal(bgr[..., ::-1], picture)
            x0, y0, x1, y1 = face.box
            points = face.landmarks[[468, 473, 1, 61, 291], :2]
            return np.array([[x0, y0, x1, y1, 0.97]], np.float32), points[None]

    zoo = types.ModuleType("insightface.model_zoo")
    zoo.get_model = lambda path, **_: Scrfd() if path.endswith("det_10g.onnx") else None
    monkeypatch.setitem(sys.modules, "insightface", types.ModuleType("insightface"))
    monkeypatch.setitem(sys.modules, "insightface.model_zoo", zoo)
    (tmp_path / "det_10g.onnx").write_bytes(b"")
    backend = load_backend("insightface", root=tmp_path)
    (found,) = backend.detect(picture)
    backend.close()
    assert found.score == pytest.approx(0.97)
    assert np.linalg.norm(found.landmarks - face.landmarks, axis=1)[:468].mean() / face.size < 0.005


def test_stderr_stays_clean_and_real_errors_do_not(portrait_path):
    program = f"""
import os, sys
import facewright.core.faces as faces
assert not {{"numpy", "cv2", "mediapipe"}} & set(sys.modules), "importing the room must cost nothing"
from facewright.core.faces.mediapipe_models import hushed
import cv2
image = cv2.imread({str(portrait_path)!r})[..., ::-1]
assert faces.largest_face(image) and faces.person_matte(image).max() == 1
faces.load_backend(video=True).detect(image)
with hushed():
    os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\nE0000 00:00:17 graph.cc:1] it broke\\n")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == ""
    assert done.stderr == "E0000 00:00:17 graph.cc:1] it broke\n"
