"""Names of the methods, without importing any of them; each folder has a light `card.py` and a heavy `pipeline.py`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...core.errors import UsageError

if TYPE_CHECKING:
    from ...core.training import Recipe
    from ..method import Card

TRAINED = ("meshwarp", "anitalker", "ifmdm", "infp", "makeyouranchor", "memo")  # by this package
NAMES = TRAINED


def card(name: str) -> Card:
    """The card of a method.

    Raises:
        UsageError: `unknown_method`, with the nearest name.
    """
    return _module(name, "card").CARD


def cards() -> tuple[Card, ...]:
    """All cards, in the order people should read them."""
    return tuple(card(name) for name in NAMES)


def method(name: str) -> Any:
    """The class of a method: `pipeline.METHOD` of its folder."""
    return _module(name, "pipeline").METHOD


def trainer(name: str) -> Any:
    """The training of a method: `train.train(data, out, *, preset, seed, dry_run, progress) -> dict` of its folder."""
    return _module(name, "train").train


def stages(name: str) -> Mapping[int, Recipe]:
    """The stages of a method that trains by `core.training`: its `train.STAGES`; none where it has its own way."""
    return getattr(_module(name, "train"), "STAGES", {})


def presets(name: str) -> Any:
    """The presets of a method's training: the module `presets` of its folder."""
    return _module(name, "presets")


def weight_hashes(records: Iterable[str]) -> dict[str, str]:
    """File name → sha256 of the weights in records."""
    from ...core import weights

    return {file.name: file.sha256 for record in records for file in weights.record(record).files}


def _module(name: str, part: str) -> Any:
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(NAMES)}."
        raise UsageError("unknown_method", f"there is no method {name!r}", hint)
    return import_module(f".{name}.{part}", __package__)
