"""What a first stage is shown, and what it may begin from."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from facewright.core.errors import UsageError
from facewright.core.faces.topology import MEAN_FACE
from facewright.generate.latent.autoencoder import begin_as
from facewright.generate.latent.jitter import Shot
from facewright.generate.latent.samples import EMPHASIS, TRIED, mirrored, otherwise, pair
from facewright.generate.nets.latentwarp import LatentWarp, LatentWarpParams

SIZE = 64


def face(opening: float = 0.0) -> np.ndarray:
    """Landmarks (478, 2) of the mean face in a picture, its lower inner lip moved down."""
    points = MEAN_FACE[:, :2] - MEAN_FACE[:, :2].mean(0)
    points = points / np.ptp(points[:, 1]) * SIZE * 0.7 + SIZE / 2
    points[14, 1] += opening
    return points.astype(np.float32)


def test_another_mouth_is_found_among_a_few_frames():
    openings = np.zeros(40)
    openings[::3] = 9.0
    clip = SimpleNamespace(frames=np.zeros((40, 1)), landmarks=np.stack([face(each) for each in openings]))
    shut = [otherwise(clip, 1, np.random.default_rng(seed)) for seed in range(200)]
    wide = [otherwise(clip, 0, np.random.default_rng(seed)) for seed in range(200)]
    assert np.mean(openings[shut] == 9) == pytest.approx(1 - (2 / 3) ** TRIED, abs=0.05)
    assert np.mean(openings[wide] == 0) > 0.99


def test_a_mirrored_sample_keeps_names_where_they_belong():
    random = np.random.default_rng(0)
    shots = [Shot(random.integers(0, 256, (SIZE, SIZE, 3), np.uint8).astype(np.uint8), face()) for _ in range(2)]
    sample = pair(*shots)
    seen = mirrored(sample)
    np.testing.assert_allclose(seen["source_points"], sample["source_points"], atol=0.05)  # a face is its mirror image
    np.testing.assert_array_equal(seen["source"], sample["source"][..., ::-1])
    again = mirrored(seen)
    for name, value in sample.items():
        np.testing.assert_array_equal(again[name], value)


def test_lips_and_lids_count_more():
    assert EMPHASIS[13] == EMPHASIS[61] > EMPHASIS[159] == EMPHASIS[386] > EMPHASIS[1] == 1


def test_a_network_begins_as_another_wherever_they_agree():
    sizes = {"size": 32, "style": 32, "motion": 6, "width": 0.0625}
    other = LatentWarp(LatentWarpParams(**sizes, tanh=True, fill=True))
    net = LatentWarp(LatentWarpParams(**sizes, own_motion_encoder=True))
    begin_as(net, other)
    for name, tensor in net.state_dict().items():
        source = other.state_dict().get(name.removeprefix("motion_") if name.startswith("motion_encoder") else name)
        if source is not None and source.shape == tensor.shape:
            torch.testing.assert_close(tensor, source)
    assert torch.equal(net.motion_encoder.head.weight, other.encoder.head.weight)  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="other sizes"):
        begin_as(LatentWarp(LatentWarpParams(size=64, style=16, motion=3, width=0.125)), other)
