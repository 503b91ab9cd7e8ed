"""The video watermark: a record id in the pixels, found again after re-encoding, scaling, cropping and mirroring.

A classical, keyed spread spectrum mark in luma; no network, no weights. The record id and its check (`payload`) go
through a tail-biting convolutional code (`code`); every sign of the code word sits on one of some 470 Fourier
coefficients of a tile that repeats over the picture (`carriers`), as strong as each place allows without being seen
(`mask`), the same in every frame (`embed`). The reader averages frames (`frames`), divides the local contrast of the
picture out (`residual`), finds flip, scale, rotation and shift by the unmodulated carriers (`geometry`), decodes, and
says how likely an unmarked video is to give such a reading (`read`).

Sources: Cox, Kilian, Leighton, Shamoon, "Secure spread spectrum watermarking for multimedia", 1997 (carriers in
perceptually significant places); Kutter, "Performance improvement of spread spectrum based image watermarking schemes
through M-ary modulation" and "Watermarking resisting to translation, rotation, and scaling", 1998 (a periodic pattern
as its own ruler); Kalker, Depovere, Haitsma, Maes, "A video watermarking system for broadcast monitoring", 1999 (tiles,
shift by Fourier correlation, one mark over time).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..record import new_record_id
    from .embed import VideoMarker
    from .key import PUBLIC_KEY, resolve_key
    from .read import MarkReading, read_mark

_HOME = {
    "PUBLIC_KEY": ".key",
    "MarkReading": ".read",
    "VideoMarker": ".embed",
    "new_record_id": "..record",
    "read_mark": ".read",
    "resolve_key": ".key",
}

__all__ = ["PUBLIC_KEY", "MarkReading", "VideoMarker", "new_record_id", "read_mark", "resolve_key"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
