"""Losses that keep who someone is out of how they move."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AngularMargin(nn.Module):
    """Additive angular margin softmax (Deng et al. 2019, ArcFace, equation 3): identity codes (b, width) → loss.

    Args:
        width: of a code.
        people: how many there are to tell apart.
        margin: radians between people.
        scale: of the logits.
    """

    def __init__(self, width: int, people: int, *, margin: float = 0.2, scale: float = 30.0) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(people, width) / math.sqrt(width))
        self.margin, self.scale = margin, scale

    def forward(self, codes: Tensor, people: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(codes), F.normalize(self.centres)).clamp(-1 + 1e-6, 1 - 1e-6)
        own = F.one_hot(people, cosine.shape[1]).bool()
        logits = torch.where(own, torch.cos(cosine.acos() + self.margin), cosine)
        return F.cross_entropy(self.scale * logits, people)


def mutual_information(guess: Tensor, motion: Tensor) -> Tensor:
    """CLUB upper bound on the information that identity has about motion (Cheng et al. 2020, equation 10).

    Args:
        guess: mean (b, width) of a unit Gaussian over motion, guessed from identity.
        motion: (b, width). Negatives are the other samples of the batch.
    """
    gaps = (guess[:, None] - motion[None]).square().mean(-1)  # b b
    return (gaps.mean(1) - gaps.diagonal()).mean() / 2


def likelihood(guess: Tensor, motion: Tensor) -> Tensor:
    """What the guess is taught by: the negative logarithm of its Gaussian, up to a constant."""
    return (guess - motion).square().mean() / 2
