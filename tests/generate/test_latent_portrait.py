"""A portrait in a network's hands: what it misses at rest is carried along, at the picture's own resolution."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from facewright.core.faces import load_backend
from facewright.core.media import read_image
from facewright.generate.latent.portrait import completed, prepare, render
from facewright.generate.latent.samples import recipe
from facewright.generate.nets.latentwarp import Decoded, LatentWarp, LatentWarpParams

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def face(portrait_path):
    image = read_image(portrait_path)
    return image, load_backend().detect(image)[0]


@pytest.mark.parametrize("endpoint", [False, True])
def test_at_rest_it_is_shown_as_it_is(face, endpoint):
    """By a network that has learned nothing at all."""
    torch.manual_seed(0)
    net = LatentWarp(LatentWarpParams(size=32, style=32, motion=6, width=0.0625, endpoint_grid=endpoint)).eval()
    with torch.no_grad():
        for scale in net.decoder.scales:
            scale.flow.weight.mul_(0.05)
    image, found = face
    portrait = prepare(net, image, found, recipe(32), CPU)
    assert portrait.missed.shape[-1] > 32
    (frame,) = render(net, portrait, portrait.start.code[None].numpy(), 1)
    assert np.abs(frame.astype(int) - image).mean() < 1.0  # resampled twice


def drawn(flow: float, seen: float) -> Decoded:
    flows = torch.zeros(1, 2, 16, 16)
    flows[:, 0] = flow
    return Decoded(torch.zeros(1, 3, 16, 16), [flows], [torch.full((1, 1, 16, 16), seen)])


def test_details_go_where_the_flow_goes_and_fade_with_the_mask():
    missed = torch.rand(1, 3, 64, 64)
    portrait = SimpleNamespace(missed=missed, at_rest=drawn(0.0, 0.8))
    moved = completed(drawn(8 / 32, 0.8), portrait)  # 8 pixels of 64 to the right
    torch.testing.assert_close(moved[..., :56], missed[..., 8:])
    half = completed(drawn(8 / 32, 0.4), portrait)
    torch.testing.assert_close(half, moved / 2)
    more = completed(drawn(8 / 32, 1.0), portrait)  # no more than at rest
    torch.testing.assert_close(more, moved)
