"""Published files become weights with a record, or are refused; what they say is measured before it is believed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError, UsageError
from facewright.core.faces import topology
from facewright.core.faces.crop import transform, warp
from facewright.core.media import VideoWriter
from facewright.core.weights import check, record
from facewright.datasets.index import Entry, write_index
from facewright.detect.detector import Observation
from facewright.detect.detectors import published, published_keys
from facewright.detect.detectors.published import Published, PublishedNet
from facewright.detect.detectors.recipes import TEMPLATE, AlignedRecipe, BoxRecipe
from facewright.detect.importing import calibrate, import_detector, load_published

from .conftest import shaken

SMALL = Published("A small one", "nowhere", "nobody's", "tinynet_e", BoxRecipe(64, 0.1), outputs=1)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A published detector little enough to be made here, and its authors' file."""
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(published.PUBLISHED, "small", SMALL)
    rules = ((r"net\.(.+)", r"\1"),)
    monkeypatch.setitem(published.MAPS, "small", lambda c: published_keys.renamed(published_keys._plain(c), rules))
    torch.manual_seed(0)
    net = PublishedNet(SMALL)
    path = tmp_path / "small.pth"
    torch.save({f"net.{name}": tensor for name, tensor in net.state_dict().items()}, path)
    return net.eval(), path


def test_a_published_file_is_kept_calibrated_and_used(small, portrait, face, tmp_path):
    net, path = small
    kept = import_detector("small", path)
    check(kept)
    assert kept.name == "detector-small"
    assert kept.licences["weights"] == "nobody's"
    with pytest.raises(AssetError) as early:
        load_published("small")
    assert early.value.code == "not_calibrated"

    entries = []
    for number, label in enumerate(["genuine", "genuine", "synthetic"]):
        with VideoWriter(tmp_path / f"{number}.mp4", width=384, height=384, fps=8) as writer:
            writer.write(shaken(cv2.resize(portrait, (384, 384)), 12, noise=number))
        made = "some" if label == "synthetic" else ""
        entries.append(Entry(f"{number}.mp4", label, f"person {number}", str(number), "A", made))
    write_index(tmp_path / "index.jsonl", entries)
    calibration = calibrate("small", tmp_path / "index.jsonl")
    assert len(calibration.genuine) == 2

    reader = load_published("small").open()
    for number in range(8):
        reader.push(Observation(number / 4, portrait, cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), face))
    evidence = reader.evidence()
    crop = warp(portrait, SMALL.recipe.matrix(face), (64, 64))
    with torch.inference_mode():
        raw = float(net(torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255))
    assert evidence.score == pytest.approx(float(calibration.score(raw)), abs=1e-4)
    assert evidence.details == {}


def test_one_kind_of_clip_calibrates_nothing(small, portrait, tmp_path):
    import_detector("small", small[1])
    with VideoWriter(tmp_path / "a.mp4", width=256, height=256, fps=8) as writer:
        writer.write(shaken(cv2.resize(portrait, (256, 256)), 12))
    write_index(tmp_path / "index.jsonl", [Entry("a.mp4", "genuine", "one", "a", "A")])
    with pytest.raises(AssetError) as few:
        calibrate("small", tmp_path / "index.jsonl")
    assert few.value.code == "data_missing"


class Evil:
    def __reduce__(self):
        return (eval, ("1/0",))


def test_hostile_and_broken_files_leave_nothing(small, tmp_path):
    _, path = small
    whole = path.read_bytes()
    torch.save({"net.head.weight": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "short.pth").write_bytes(whole[: len(whole) // 2])
    content = torch.load(path, weights_only=True)
    torch.save({**content, "net.more": torch.zeros(1)}, tmp_path / "more.pth")
    torch.save({key: value for key, value in content.items() if "head" not in key}, tmp_path / "less.pth")
    torch.save({**content, "net.head.bias": torch.zeros(7)}, tmp_path / "wide.pth")
    torch.save({**content, "net.head.bias": torch.full((1,), float("nan"))}, tmp_path / "nan.pth")
    wanted = {"evil": "unsafe_checkpoint", "none": "weights_missing"}
    for name in ("evil", "short", "more", "less", "wide", "nan", "none"):
        with pytest.raises(AssetError) as refused:
            import_detector("small", tmp_path / f"{name}.pth")
        assert refused.value.code == wanted.get(name, "bad_checkpoint"), name
    with pytest.raises(UsageError):
        record("detector-small")


def test_aligned_faces_have_their_points_where_arcface_has_them(portrait, face):
    recipe = AlignedRecipe(224, 1.0)
    points = transform(face.landmarks, recipe.matrix(face))[:, :2] / 2
    seen = [points[loop].mean(0) for loop in (topology.LEFT_EYE, topology.RIGHT_EYE)] + [
        points[i] for i in (1, 61, 291)
    ]
    assert np.abs(np.array(seen) - TEMPLATE).max() < 8
    assert np.allclose(np.mean(seen, 0), TEMPLATE.mean(0), atol=0.5)
    roomy = AlignedRecipe(224, 1.3).matrix(face)
    assert np.hypot(*roomy[:, 0]) == pytest.approx(np.hypot(*recipe.matrix(face)[:, 0]) / 1.3)


def test_boxes_keep_their_margin_and_their_shape(face):
    x0, y0, x1, y1 = face.box
    for stretch in (False, True):
        matrix = BoxRecipe(100, 0.25, stretch).matrix(face)
        low, high = (transform(np.array([corner]), matrix)[0] for corner in ((x0, y0), (x1, y1)))
        assert (low + high) / 2 == pytest.approx([49.5, 49.5])
        assert max(high - low) == pytest.approx(100 / 1.5)
        assert (min(high - low) == pytest.approx(100 / 1.5)) == stretch
