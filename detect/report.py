"""The report: one self-contained HTML page, no scripts, no network, every string from a file escaped."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.atomic import writing
from .detector import REASONS, Evidence
from .drawing import Chart, chart
from .heat import heat
from .pictures import Pictures
from .result import plain

if TYPE_CHECKING:
    import jinja2

    from .result import FaceReport, ScanReport

MOST_FACES = 12  # shown with pictures; the rest in a table
LEVELS = ("little", "some", "strong")


@dataclass(frozen=True)
class Section:
    """A file's part of the page, and its row in the table of files: plain text, for it may come from elsewhere."""

    name: str
    fact: str
    evidence: str
    html: str


class Page:
    """One page for any number of files; their parts wait in a temporary file, so that memory does not grow.

    Args:
        earlier: files of the same batch that were looked at before and are not on this page.
    """

    def __init__(self, earlier: int = 0) -> None:
        self._earlier = earlier
        self._rows: list[dict[str, str]] = []
        self._parts = tempfile.TemporaryFile()  # noqa: SIM115
        self._places: list[tuple[int, int]] = []

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, section: Section) -> None:
        data = section.html.encode("utf-8", "backslashreplace")
        self._places.append((self._parts.seek(0, os.SEEK_END), len(data)))
        self._parts.write(data)
        self._rows.append({"name": section.name, "fact": section.fact, "evidence": section.evidence})

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page.

        Raises:
            MachineError: `disk_full`, `read_only`, `write_failed`.
        """
        with writing(Path(path)) as part, part.open("wb") as stream:
            for text in self._pieces():
                stream.write(text.encode("utf-8", "backslashreplace"))

    def text(self) -> str:
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        from ..core.version import VERSION

        template = _environment().get_template("report.html")
        made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return template.generate(
            files=self._rows, sections=self._sections(), earlier=self._earlier, version=VERSION, made=made
        )

    def _sections(self) -> Iterator[str]:
        """In the rows' order, already escaped."""
        from markupsafe import Markup

        for place, length in self._places:
            self._parts.seek(place)
            yield Markup(self._parts.read(length).decode("utf-8"))


def section(report: ScanReport) -> Section:
    """A file's part of the page. Pictures are taken from the file, where it is still there."""
    from ..core.version import VERSION

    file = _file(report)
    html = _environment().get_template("report_file.html").render(file=file, version=VERSION, levels=LEVELS)
    return Section(file["name"], file["fact"], report.evidence, html)


def write(path: str | os.PathLike[str], reports: Iterable[ScanReport]) -> None:
    """Write one page for one or more scanned files; see `Page.write`."""
    with _page(reports) as one:
        one.write(path)


def page(reports: Iterable[ScanReport]) -> str:
    """The page as text."""
    with _page(reports) as one:
        return one.text()


def _page(reports: Iterable[ScanReport]) -> Page:
    one = Page()
    for report in reports:
        one.add(section(report))
    return one


def _file(report: ScanReport) -> dict[str, Any]:
    fact, estimate = report.sentences()
    strongest_first = sorted(report.faces, key=lambda face: -(face.evidence.score or -1.0))
    shown = strongest_first[:MOST_FACES]
    shots = Pictures(report)
    return {
        "report": report,
        "name": report.name,
        "fact": fact,
        "estimate": estimate,
        "rate": None if report.false_alarms_per_100 is None else round(report.false_alarms_per_100),
        "faces": [_face(report, face, shots) for face in shown],
        "others": [_row(report, face) for face in strongest_first[MOST_FACES:]],
        "people": _people(report),
        "length": "picture" if report.still else timecode(report.info.seconds),
        "looked_at": timecode(report.looked_at),
        "heard": any("offset" in said.details for said in _members(report) if said.score is not None),
        "silent": _silent(report),
        "partial": not report.still and report.looked_at < report.info.seconds - 0.5,
        "json": report.to_dict(),
        "data": base64.b64encode(_json(report).encode("utf-8", "backslashreplace")).decode(),
    }


def _members(report: ScanReport) -> list[Evidence]:
    return [said for face in report.faces for said in face.detectors.values()]


def _silent(report: ScanReport) -> list[tuple[str, str]]:
    """Detectors of the panel that could not speak of any face, each with a reason."""
    reasons: dict[str, str | None] = {}
    for face in report.faces:
        for name, said in face.detectors.items():
            if said.score is not None:
                reasons[name] = None
            else:
                reasons.setdefault(name, REASONS.get(said.reason or "", said.reason or ""))
    return [(name, reason) for name, reason in reasons.items() if reason]


def _face(report: ScanReport, face: FaceReport, shots: Pictures) -> dict[str, Any]:
    moments = face.strongest()
    middle = float(face.times[len(face.times) // 2])
    return _row(report, face) | {
        "picture": shots.of(face, moments[0][0] if moments else middle),
        "moments": [_moment(report, face, shots, number, *moment) for number, moment in enumerate(moments, 1)],
        "chart": _chart(report, face, moments) if moments else None,
        "detectors": [_member(name, said) for name, said in face.detectors.items()],
    }


def _moment(
    report: ScanReport, face: FaceReport, shots: Pictures, number: int, when: float, score: float
) -> dict[str, Any]:
    """One strong moment. A map by hiding parts takes seconds: it is made for the strongest in the file alone."""
    where = None
    if not report.still:
        where = heat(report.path, report.detector, face, when, hide=face is report.worst and number == 1)
    return {
        "number": number,
        "time": timecode(when),
        "score": score,
        "picture": shots.of(face, when),
        "where": shots.of(face, when, where) if where else None,
        "source": where.source if where else "",
    }


def _member(name: str, said: Evidence) -> dict[str, Any]:
    """One detector of a panel on one face, in words."""
    rate = said.false_alarms_per_100
    details = {label: value for label, value in plain(said.details).items() if _short(value)}
    return {
        "name": name,
        "score": said.score,
        "rate": None if rate is None else round(rate),
        "reason": REASONS.get(said.reason, said.reason) if said.reason else None,
        "details": details,
    }


def _short(value: Any) -> bool:
    return not isinstance(value, dict | list) and value is not None


def _row(report: ScanReport, face: FaceReport) -> dict[str, Any]:
    evidence = face.evidence
    rate = evidence.false_alarms_per_100
    return {
        "face": face,
        "person": chr(ord("A") + face.identity) if face.identity < 26 else str(face.identity + 1),
        "level": "cannot-tell" if rate is None else report.detector.level(rate),
        "rate": None if rate is None else round(rate),
        "reason": REASONS.get(evidence.reason, evidence.reason) if evidence.reason else None,
        "from": timecode(float(face.times[0])),
        "to": timecode(float(face.times[-1])),
        "worst": face is report.worst and len(report.faces) > 1,
    }


def _chart(report: ScanReport, face: FaceReport, moments: list[tuple[float, float]]) -> Chart:
    e = face.evidence
    return chart(e.times, e.scores, e.low, e.high, report.detector.thresholds, moments, label=timecode)


def _people(report: ScanReport) -> list[dict[str, Any]]:
    """For each person the stretches of the video in which they were seen, as shares of its length."""
    whole = max(report.info.seconds, 1e-3)
    people: dict[int, list[FaceReport]] = {}
    for face in report.faces:
        people.setdefault(face.identity, []).append(face)
    return [
        {
            "person": _row(report, faces[0])["person"],
            "bars": [
                _row(report, face)
                | {
                    "left": 100 * float(face.times[0]) / whole,
                    "width": 100 * max(face.seconds, 0.004 * whole) / whole,
                }
                for face in faces
            ],
        }
        for faces in people.values()
    ]


def timecode(seconds: float) -> str:
    """1:02:03.4, or 2:03.4 below an hour."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def _json(report: ScanReport) -> str:
    import json

    return json.dumps(report.to_dict(), ensure_ascii=False, indent=1, default=str)


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    folder = files("facewright.detect")
    environment.loader = jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8"))
    return environment
