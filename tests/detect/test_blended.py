"""The blended detector: its training on the loop, what it stores, and what it says of a track."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError
from facewright.core.faces import Face
from facewright.core.media import VideoWriter
from facewright.core.training import Request
from facewright.core.training import train as run
from facewright.core.weights import read_record
from facewright.datasets.index import Entry, write_index
from facewright.detect.blended_training import STAGES, BlendedStage, cut, parted
from facewright.detect.calibration import Calibration
from facewright.detect.detector import Observation
from facewright.detect.detectors.blended import BlendedDetector, BlendedModel, BlendedNet, BlendedParams, read
from facewright.detect.detectors.frames import PictureDetector
from facewright.detect.registry import trainer

from .conftest import shaken

TOY = STAGES[1].presets["toy"]


@pytest.fixture(scope="module")
def index(portrait, tmp_path_factory):
    """Two people with videos on either side, a still to learn from, and a synthetic clip to be judged."""
    folder = tmp_path_factory.mktemp("corpus")
    entries = []
    for number, (split, label) in enumerate(
        [("train", "genuine"), ("val", "genuine"), ("val", "genuine"), ("val", "synthetic")]
    ):
        path = folder / f"{number}.mp4"
        with VideoWriter(path, width=256, height=256, fps=8) as writer:
            small = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
            writer.write(shaken(small, 12, noise=number))
        made = "some" if label == "synthetic" else ""
        entries.append(Entry(path.name, label, f"person {number}", path.stem, "A: own", made, split))
    cv2.imwrite(str(folder / "still.png"), cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    entries.append(Entry("still.png", "genuine", "still", "still", "A: own", split="train"))
    write_index(folder / "index.jsonl", entries)
    return folder / "index.jsonl"


@pytest.fixture(scope="module")
def trained(index, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    run("blended", STAGES, 1, index, out, preset="toy")
    return out / "stage-1" / "weights"


def test_the_registry_knows_the_stages():
    assert trainer("blended") is STAGES


def test_materials_are_told_before_anything_is_read(index, tmp_path):
    told = run("blended", STAGES, 1, index, tmp_path / "out", preset="toy", dry_run=True)
    assert (told["train_people"], told["train_videos"], told["train_pictures"]) == (2, 1, 1)
    assert (told["val_people"], told["val_videos"], told["synthetic_judged"]) == (2, 2, 1)
    assert not (tmp_path / "out").exists()


def test_a_sample_is_a_pair_that_differs_where_the_mask_says(trained, index):
    request = Request(index, trained.parent.parent, TOY)
    stage = BlendedStage(request)
    sample = stage.draw(7)
    assert sample["pictures"].shape == (2, 64, 64, 3)
    assert sample["mask"].shape == (64, 64)
    assert all((sample[name] == stage.draw(7)[name]).all() for name in sample)
    names = {stage.faces.draw(np.random.default_rng(seed))[0].identity for seed in range(20)}
    assert names == {"person 0", "still"}, "who is held out is not learned from, nor is what is synthetic"


def test_what_is_learned_is_where_the_blend_is(index, trained):
    """The losses fall for what a net should say, and rise for its opposite."""
    stage = BlendedStage(Request(index, trained.parent.parent, TOY))
    batch = stage.batch([0, 1])
    where = torch.nn.functional.adaptive_max_pool2d(batch["mask"].float()[:, None] / 255, (2, 2))[:, 0] > 0.1

    def said(sign: float) -> torch.Tensor:
        maps = torch.full((4, 2, 2, 2), -5.0 * sign)
        maps[1::2, 0] = 5 * sign
        maps[1::2, 1] = torch.where(where, 5.0, -5.0) * sign
        return maps

    losses = {}
    for sign in (1, -1):
        stage.net.forward = lambda pictures, sign=sign: said(sign)
        losses[sign] = {name: float(value) for name, value in stage.losses(batch).items()}
    assert losses[1]["picture"] < 0.01 < 4 < losses[-1]["picture"]
    assert losses[1]["where"] < 0.01 < 4 < losses[-1]["where"]


def test_a_run_leaves_weights_with_their_calibration_and_figures(trained):
    record = read_record(trained / "record.json")
    assert record.name == "blended"
    assert "still" in " ".join(record.data)
    assert {"AUC of face blends of videos", "AUC of mouth blends of videos", "AUC of some"} <= set(record.metrics)
    net, calibration = read(record.files[0].path)
    assert net.params == TOY.net
    assert calibration.weights.sum() == pytest.approx(2, abs=0.01)
    detector = BlendedDetector.of(record)
    assert detector.thresholds["some"] <= detector.thresholds["strong"]
    assert detector.level(detector.calibration.least_per_100) == "strong"


def test_changed_and_foreign_weights_are_refused(trained, tmp_path):
    with pytest.raises(AssetError) as missing:
        read(tmp_path / "none.safetensors")
    assert missing.value.code == "weights_missing"
    fields = json.loads((trained / "record.json").read_text())
    (tmp_path / "record.json").write_text(json.dumps(fields))
    name = fields["files"][0]["file"]
    (tmp_path / name).write_bytes((trained / name).read_bytes()[:-1] + b"x")
    with pytest.raises(AssetError) as changed:
        BlendedDetector.of(read_record(tmp_path / "record.json"))
    assert changed.value.code == "hash_mismatch"


class Bright:
    """A model that takes bright crops for synthetic."""

    recipe = BlendedModel(BlendedNet(BlendedParams("lcnet_050", size=32))).recipe

    def __init__(self) -> None:
        self.seen: list[int] = []

    def look(self, crops):
        self.seen.append(len(crops))
        return crops.mean((1, 2, 3)) / 128 - 1, np.tile(np.linspace(0, 1, 4).reshape(1, 2, 2), (len(crops), 1, 1))


def pushed(reader, portrait, face, count, brightness):
    for number in range(count):
        image = np.clip(portrait.astype(int) + brightness(number), 0, 255).astype(np.uint8)
        reader.push(Observation(number / 4, image, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), face))
    return reader.evidence()


@pytest.fixture
def calibration():
    return Calibration(4.0, 0.0, np.array([-1.0, -0.5, 0.2]), np.ones(3))


def test_a_track_is_read_in_batches_and_its_worst_moments_have_maps(portrait, face, calibration):
    model = Bright()
    detector = PictureDetector("bright", model, calibration)
    evidence = pushed(detector.open(), portrait, face, 20, lambda number: 4 * number)
    assert model.seen == [16, 4]
    assert evidence.score is not None
    assert len(evidence.times) == 20
    assert (evidence.low <= evidence.scores).all()
    assert (evidence.scores <= evidence.high).all()
    assert evidence.scores[-1] > evidence.scores[0]
    assert [each["seconds"] for each in evidence.details["heat"]] == [4.75, 4.5, 4.25]
    first = evidence.details["heat"][0]
    assert first["cells"] == [[0, 85], [170, 255]]
    corners = np.array(first["corners"])
    x0, _, x1, y1 = face.box
    assert corners[0, 0] < x0 < x1 < corners[2, 0]
    assert corners[0, 1] < y1
    json.dumps(evidence.details)


def test_too_little_is_no_answer(portrait, face, calibration):
    detector = PictureDetector("bright", Bright(), calibration)
    assert pushed(detector.open(), portrait, face, 3, lambda _: 0).reason == "too_short"
    assert pushed(detector.open(), portrait, face, 9, lambda _: -250).reason == "too_dark"
    tiny = Face.of(face.landmarks / 8, 1.0)
    assert pushed(detector.open(), portrait, tiny, 9, lambda _: 0).reason == "face_too_small"


def test_the_crop_that_is_learned_from_is_the_crop_that_is_judged(portrait, face):
    params = BlendedParams(size=96)
    (learned,) = cut(portrait[None], None, face.landmarks, params)["pictures"]
    model = BlendedModel(BlendedNet(BlendedParams("lcnet_050", size=96)))
    seen = []
    model.look = lambda crops: (seen.append(crops), (np.zeros(len(crops)), None))[1]
    pushed(
        PictureDetector("x", model, Calibration(1.0, 0.0, np.zeros(1), np.ones(1))).open(),
        portrait,
        face,
        1,
        lambda _: 0,
    )
    np.testing.assert_array_equal(seen[0][0], learned)


def test_people_never_part():
    entries = [Entry(f"{n}-{k}.mp4", "genuine", f"p{n}", f"s{n}{k}", "A") for n in range(20) for k in range(2)]
    sides = {entry.identity: set() for entry in entries}
    for entry in parted(entries):
        sides[entry.identity].add(entry.split)
    assert all(len(side) == 1 for side in sides.values())
    assert {"train", "val"} == set().union(*sides.values())
