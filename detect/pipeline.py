"""Stages that run side by side, each in a thread of its own, and how long each was at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import Any, TypeVar

T = TypeVar("T")
_POLL = 0.1  # s between two looks at whether anybody still wants more
_END: Any = object()


def ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """The same items in the same order, made in a thread of its own, at most `depth` of them in advance.

    What the thread raises is raised here; closing this generator ends the thread and closes `items`.
    """
    queue: Queue[tuple[Any, BaseException | None]] = Queue(depth)
    unwanted = threading.Event()

    def put(item: Any, failure: BaseException | None = None) -> bool:
        while not unwanted.is_set():
            try:
                queue.put((item, failure), timeout=_POLL)
                return True
            except Full:
                pass
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    break
            put(_END)
        except BaseException as failure:
            put(_END, failure)
        finally:
            if isinstance(items, Generator):
                items.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, failure = queue.get(timeout=10 * _POLL)
            except Empty:
                continue  # a wait without end would not hear Ctrl-C
            if failure is not None:
                raise failure
            if item is _END:
                return
            yield item
    finally:
        unwanted.set()
        thread.join()


class Stages:
    """Seconds at work, by stage. A stage within another counts for itself alone; threads do not mix.

    Attributes:
        seconds: of each stage so far.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._own = threading.local()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Charge the block to a stage."""
        open_stages: list[str] = self._own.__dict__.setdefault("stages", [])
        self._charge(open_stages)
        open_stages.append(name)
        try:
            yield
        finally:
            self._charge(open_stages)
            open_stages.pop()

    def over(self, name: str, items: Iterable[T]) -> Generator[T, None, None]:
        """The items; making them is charged to a stage."""
        made = iter(items)
        try:
            while True:
                with self(name):
                    item = next(made, _END)
                if item is _END:
                    return
                yield item
        finally:
            if isinstance(made, Generator):
                made.close()

    def _charge(self, open_stages: list[str]) -> None:
        now = time.perf_counter()
        if open_stages:
            name = open_stages[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._own.since
        self._own.since = now
