"""One progress, three views."""

from __future__ import annotations

import io
import json
import sys

import pytest
from facewright.cli import progress as views
from facewright.cli.session import Session
from facewright.core.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands where it is put."""
    now = [100.0]
    monkeypatch.setattr(views.time, "monotonic", lambda: now[0])
    return now


def _run(session: Session, clock, steps: int = 7) -> None:
    with views.progress(session, fps=25) as report:
        for step in range(steps):
            report(Progress("animate", 50 * step, 1000))
            clock[0] += 2


def test_without_a_terminal_a_plain_line_every_ten_seconds(capsys, clock):
    _run(Session(), clock)
    assert capsys.readouterr().err == "animate: 250/1000 frames · 25 fps · 1.0 × real time · 30 s left\n"


def test_quiet_is_quiet(capsys, clock):
    _run(Session(verbosity=-1), clock)
    assert capsys.readouterr().err == ""


def test_events_hold_every_step(tmp_path, clock):
    session = Session(verbosity=-1)
    session.events.path = tmp_path / "events.jsonl"
    session.events.open()
    _run(session, clock, steps=3)
    session.events.close()
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["stage", "progress", "progress", "progress"]
    assert lines[-1] == {
        "event": "progress",
        "t": lines[-1]["t"],
        "stage": "animate",
        "done": 100,
        "total": 1000,
        "unit": "frames",
    }


def test_on_a_terminal_a_bar(monkeypatch, clock):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", screen)
    _run(Session(), clock)
    assert "300/1000" in screen.getvalue()
    assert "1.0 × real time" in screen.getvalue()


def test_the_bar_has_no_colour_where_none_is_wanted(monkeypatch, clock):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", screen)
    _run(Session(), clock)
    assert "\x1b[3" not in screen.getvalue()
    assert "\x1b[38" not in screen.getvalue()


def test_pace_begins_anew_with_each_stage(clock):
    pace = views.Pace(25)
    pace(Progress("animate", 0, 100))
    clock[0] += 1
    assert pace(Progress("animate", 50, 100)) == "50 fps · 2.0 × real time · 1 s left"
    assert pace(Progress("check the mark", 0, 100)) == ""
    clock[0] += 2
    assert pace(Progress("check the mark", 10, None, "blocks")) == "5 blocks/s"
