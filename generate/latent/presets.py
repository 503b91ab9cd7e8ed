"""Presets that all methods of the family have, by their networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..nets.latentwarp import LatentWarpParams
from .autoencoder import AutoencoderPreset
from .jitter import Jitter
from .motion_stage import MotionPreset

Kind = TypeVar("Kind", bound=MotionPreset)


def autoencoder_presets(
    paper: LatentWarpParams, own: Mapping[str, float] | None = None
) -> dict[str, AutoencoderPreset]:
    """`small`, for a GPU; `paper`, as published; `compact`, which two CPU cores can train; `toy`, for tests.

    Args:
        paper: the network of the paper; the others have its options and fewer channels.
        own: weights of the method's own losses.
    """
    compact = AutoencoderPreset(
        steps=4000,
        batch=8,
        expect="128 px, an eighth of the channels; about 0.5 s of a CPU core a step",
        net=replace(paper, size=128, style=128, motion=20, width=0.125),
        rate=3e-3,
        falling=True,
        own=own,
        told=20.0,
        mouths=0.5,
    )
    near = Jitter(turn=0.1, scale=0.05, shift=0.03, shear=0.03)
    return {
        "small": AutoencoderPreset(
            steps=6000,
            batch=8,
            expect="256 px, a quarter of the channels; about 2.5 s of a CPU core a step; not yet run to its end",
            net=replace(paper, size=256, style=256, motion=20, width=0.25),
            own=own,
        ),
        "paper": AutoencoderPreset(
            steps=800_000,
            batch=32,
            expect="sizes and losses of the paper; never run here",
            net=paper,
            adversarial=1.0,
            perceptual="vgg19",
            own=own,
        ),
        "compact": compact,
        "compact-mouth": replace(
            compact,
            steps=700,
            expect="after compact (--begin): small movements, so that the mouth stays where it can be learned",
            rate=2e-3,
            mouths=1.0,
            jitter=near,
        ),
        "toy": AutoencoderPreset(
            steps=250,
            batch=4,
            expect="minutes of two CPU cores; learns two clips by heart and nothing else",
            net=replace(paper, size=64, style=64, motion=20, width=0.25),
            rate=4e-3,
            own=own,
            jitter=None,
        ),
    }


def motion_presets(
    kind: type[Kind], *, small: Any, paper: Any, compact: Any, toy: Any, batch: int, **own: Any
) -> dict[str, Kind]:
    """`small`, `paper`, `compact` and `toy` second stages, by their models; see `autoencoder_presets`.

    Args:
        batch: of the paper.
        own: what all three have besides.
    """
    return {
        "small": kind(
            steps=8000,
            batch=32,
            expect="a small model on phones; not yet run to its end",
            model=small,
            rate=3e-4,
            average=0.999,
            **own,
        ),
        "paper": kind(
            steps=400_000, batch=batch, expect="sizes and losses of the paper; never run here", model=paper, **own
        ),
        "compact": kind(
            steps=6000,
            batch=16,
            expect="a small model on phones; about half an hour of a CPU core; not yet run to its end",
            model=compact,
            rate=5e-4,
            falling=True,
            average=0.999,
            **own,
        ),
        "toy": kind(
            steps=300,
            batch=8,
            expect="a minute of two CPU cores; for tests",
            model=toy,
            rate=2e-3,
            average=0.98,
            **own,
        ),
    }
