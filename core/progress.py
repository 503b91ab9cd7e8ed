"""One progress event for every long task; the command line, event files and servers each render it their way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a task stands.

    Attributes:
        stage: short verb phrase ("animate", "check the mark").
        done: units finished (frames unless `unit` says otherwise).
        total: units in all, or None while unknown.
        unit: what is counted.
        note: figures of the moment ("loss 0.12"); may be empty.
    """

    stage: str
    done: int
    total: int | None = None
    unit: str = "frames"
    note: str = ""


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """The default: a library does not print."""
