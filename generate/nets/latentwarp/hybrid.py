"""INFP's input of the motion encoder (section 3.2): motion to be seen, appearance to be hidden."""

from __future__ import annotations

from torch import Tensor


def hybrid_picture(picture: Tensor, keep: Tensor, outline: Tensor) -> Tensor:
    """Only eyes and lips of a picture, and the outline of the face drawn on black.

    Args:
        picture: (b, 3, h, w) in [-1, 1].
        keep: (b, 1, h, w) in [0, 1], one where pixels stay: eyes and lips.
        outline: (b, 1, h, w) in [0, 1], one on the drawn outline.

    Returns:
        (b, 3, h, w) in [-1, 1], which depends on nothing of `picture` but the kept pixels.
    """
    return picture * keep + (2 * outline - 1) * (1 - keep)
