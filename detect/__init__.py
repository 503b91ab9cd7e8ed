"""Looking for synthetic faces: detectors, training, calibration, the scanner, the report. Knows no generator."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .result import FaceReport, ScanReport
    from .training import train_detector

__all__ = ["FaceReport", "ScanReport", "train_detector"]  # and the module `scan` with its function

_HOME = {"FaceReport": "result", "ScanReport": "result", "train_detector": "training"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value
