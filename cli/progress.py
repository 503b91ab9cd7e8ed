"""Three views of one progress: a bar on a terminal, plain lines elsewhere, events for programs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..core.progress import Progress, Report
from .session import Session

EVERY_SECONDS = 10.0


@contextmanager
def progress(session: Session, *, fps: float | None = None) -> Iterator[Report]:
    """A callable for the library's `progress=`.

    Args:
        fps: frames per second of the video in work, for the figure "× real time".
    """
    with _shown(session, fps) as show:
        stage = ""

        def report(now: Progress) -> None:
            nonlocal stage
            if now.stage != stage:
                stage = now.stage
                session.events.write("stage", stage=stage)
            session.events.write("progress", stage=stage, done=now.done, total=now.total, unit=now.unit)
            show(now)

        yield report


@contextmanager
def _shown(session: Session, fps: float | None) -> Iterator[Callable[[Progress], None]]:
    if session.verbosity < 0 or session.log_format == "json":
        yield lambda _: None
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bar(fps) as show:
            yield show
    else:
        yield Lines(fps)


class Pace:
    """How fast a stage goes: clock and rate since its first report."""

    def __init__(self, fps: float | None) -> None:
        self.fps = fps
        self._stage = ""
        self._began = 0.0
        self._first = 0

    def __call__(self, now: Progress) -> str:
        """ "41 fps · 1.6 × real time · 12 s left", as much of it as is known."""
        if now.stage != self._stage:
            self._stage, self._began, self._first = now.stage, time.monotonic(), now.done
        seconds = time.monotonic() - self._began
        done = now.done - self._first
        if done <= 0 or seconds <= 0:
            return ""
        rate = done / seconds
        parts = [f"{rate:.0f} fps" if now.unit == "frames" else f"{rate:.3g} {now.unit}/s"]
        if self.fps and now.unit == "frames":
            parts.append(f"{rate / self.fps:.1f} × real time")
        if now.total and now.total > now.done:
            parts.append(f"{(now.total - now.done) / rate:.0f} s left")
        return " · ".join(parts)


class Lines:
    """One plain line every ten seconds."""

    def __init__(self, fps: float | None) -> None:
        self._pace = Pace(fps)
        self._last = time.monotonic()

    def __call__(self, now: Progress) -> None:
        pace = self._pace(now)
        if time.monotonic() - self._last >= EVERY_SECONDS:
            self._last = time.monotonic()
            of = f"/{now.total}" if now.total else ""
            said = " · ".join(part for part in (f"{now.stage}: {now.done}{of} {now.unit}", pace, now.note) if part)
            print(said, file=sys.stderr, flush=True)


@contextmanager
def _bar(fps: float | None) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress

    pace = Pace(fps)
    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[pace]}"),
    ]
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("prepare", total=None, unit="frames", pace="")

        def show(now: Progress) -> None:
            said = " · ".join(part for part in (pace(now), now.note) if part)
            bar.update(task, description=now.stage, completed=now.done, total=now.total, unit=now.unit, pace=said)

        yield show
