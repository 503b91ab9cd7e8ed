"""Training, once for all networks: a method says what to learn (`Recipe`, `Stage`, `Turn`), the loop does the rest."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .loop import Options
    from .recipe import Recipe, Request
    from .run import train
    from .schedules import constant, cosine, linear
    from .stage import Batch, Card, Networks, Stage, Turn
    from .start import fit

__all__ = [
    "Batch",
    "Card",
    "Networks",
    "Options",
    "Recipe",
    "Request",
    "Stage",
    "Turn",
    "constant",
    "cosine",
    "fit",
    "linear",
    "train",
]

_HOME = {  # name → its file; imported when asked for, for torch takes its time
    **dict.fromkeys(("Batch", "Card", "Networks", "Stage", "Turn"), "stage"),
    **dict.fromkeys(("Recipe", "Request"), "recipe"),
    **dict.fromkeys(("constant", "cosine", "linear"), "schedules"),
    "Options": "loop",
    "fit": "start",
    "train": "run",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
