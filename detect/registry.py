"""The detectors that `facewright train` makes, and where the training of each stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.training import Recipe

TRAINERS: dict[str, str] = {
    "attribution": "attribution_training:train_attribution",
    "blended": "blended_training:STAGES",
    "lipsync": "lipsync_training:train_lipsync",
    "panel": "panel_training:train_panel",
    "residual": "training:train_detector",
    "temporal": "panel_training:train_temporal",
}
"""Name → "module:attribute" in this room: a function with the arguments of `train_detector` for what is fitted at
once, or `STAGES` (docs/explanation/training.md) for what is trained in steps."""


def trainer(name: str) -> Callable[..., dict[str, Any]] | Mapping[int, Recipe]:
    """The training of a detector: `function(index, out, seed=…, command=…, progress=…) -> metrics`, or its stages."""
    module, _, attribute = TRAINERS[name].partition(":")
    return getattr(import_module(f".{module}", __package__), attribute)
