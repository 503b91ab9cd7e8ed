"""Ctrl-C and SIGTERM that wait for the end of a step, so that a run stops where it can go on."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """Keeps the first SIGINT or SIGTERM until `obey`; a second one acts at once. A context manager.

    Attributes:
        asked: whether one came.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._number = 0
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        return self._number != 0

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._keep) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _keep(self, number: int, _: FrameType | None) -> None:
        if self._number:
            self.__exit__()
            signal.raise_signal(number)
        self._number = number

    def obey(self) -> None:
        """Do what the signal would have done."""
        self.__exit__()
        signal.raise_signal(self._number or signal.SIGINT)  # none here: another process was asked
