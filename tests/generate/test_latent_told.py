"""What a motion code is told: lips that part are as large as a head that moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from facewright.generate.latent.told import FARTHEST, SPREAD, Told

LOWER_LIP = 14


@pytest.fixture(scope="module")
def moves():
    """A head that shifts by a tenth of the picture, a lip that moves by a hundredth, each by itself."""
    random = np.random.default_rng(0)
    found = np.zeros((400, 478, 2), np.float32)
    found[:, :, 0] += 0.2 * random.standard_normal((400, 1))
    found[:, LOWER_LIP, 1] += 0.02 * random.standard_normal(400)
    return found


def codes(told: Told, moves: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(moves).flatten(1) @ told.axes.T


def test_a_lip_counts_as_much_as_a_head(moves):
    said = codes(Told(moves, 2), moves)
    torch.testing.assert_close(said.std(0), torch.full((2,), SPREAD), atol=0.02, rtol=0)
    lip = torch.from_numpy(moves[:, LOWER_LIP, 1])
    matches = [abs(np.corrcoef(column, lip)[0, 1]) for column in said.T.numpy()]
    assert max(matches) > 0.99
    assert min(matches) < 0.15


def test_the_loss_is_nothing_for_codes_that_say_so_and_bounded_for_rare_moves(moves):
    told = Told(moves, 2)
    driving = torch.rand(400, 478, 2)
    source = driving - torch.from_numpy(moves)
    said = codes(told, moves).clamp(-FARTHEST * SPREAD, FARTHEST * SPREAD)
    assert told(said, source, driving) < 1e-6
    assert told(said + 0.1, source, driving) > 0.05
    far = told(torch.full((400, 2), FARTHEST * SPREAD), source, driving + 1000)
    assert far < 2 * FARTHEST * SPREAD
