"""Classifier-free guidance: conditions that training drops now and then, so that sampling can lean on them.

Ho & Salimans, "Classifier-Free Diffusion Guidance", 2022 (arXiv 2207.12598). A condition that is all zeros is one that
was dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import dropwhile, pairwise

import torch
from torch import Tensor

from .diffusion import Denoiser


def drop(conditions: Mapping[str, Tensor], chances: Mapping[str, float], generator: torch.Generator) -> dict:
    """Conditions for training: each named one set to zero for a sample of the batch with its own chance."""
    kept = dict(conditions)
    for name, chance in chances.items():
        value = kept[name]
        keep = torch.rand(len(value), generator=generator).to(value.device) >= chance
        kept[name] = value * keep.view(-1, *[1] * (value.ndim - 1)).to(value.dtype)
    return kept


def guided(denoise: Denoiser, conditions: Mapping[str, Tensor], scales: Mapping[str, float], noises: int) -> Denoiser:
    """A denoiser with classifier-free guidance; all its passes run as one batch.

    Conditions of `scales` come on one after another: ε = ε(none) + Σ s_i (ε(up to i) - ε(up to i - 1)). Only the first
    `noises` channels are guided; a learned variance is that of all conditions.
    """
    names = list(dropwhile(lambda name: scales[name] == 1, scales))  # those before are simply on
    if not names:
        return lambda x, t: denoise(x, t, **conditions)
    passes = [[name not in names[:count] for name in names] for count in range(len(names) + 1)]  # what is off

    def stacked(name: str, value: Tensor) -> Tensor:
        if name not in names:
            return torch.cat([value] * len(passes))
        off = names.index(name)
        return torch.cat([torch.zeros_like(value) if each[off] else value for each in passes])

    @cache  # conditions are the same at every step
    def stack(count: int) -> dict[str, Tensor]:
        return {name: stacked(name, value.expand(count, *value.shape[1:])) for name, value in conditions.items()}

    def guide(x: Tensor, t: Tensor) -> Tensor:
        found = denoise(torch.cat([x] * len(passes)), torch.cat([t] * len(passes)), **stack(len(x))).chunk(len(passes))
        out = found[0][..., :noises]
        for name, (before, after) in zip(names, pairwise(found), strict=True):
            out = out + scales[name] * (after - before)[..., :noises]
        return torch.cat([out, found[-1][..., noises:]], -1)

    return guide
