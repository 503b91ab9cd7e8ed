"""Frames of a video folded into the batch, where networks of stills take them one by one (inflation)."""

from __future__ import annotations

from torch import Tensor


def fold(video: Tensor) -> Tensor:
    """(b, c, f, h, w) → (b·f, c, h, w)."""
    return video.transpose(1, 2).flatten(0, 1)


def unfold(frames: Tensor, count: int) -> Tensor:
    """(b·f, c, h, w) of f = `count` frames → (b, c, f, h, w)."""
    return frames.unflatten(0, (-1, count)).transpose(1, 2)
