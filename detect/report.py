"""The report: one self-contained HTML page, no scripts, no network, every string from a file escaped."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..core.errors import FacewrightError
from ..core.media import VideoReader, read_image
from .detector import REASONS
from .drawing import Chart, chart

if TYPE_CHECKING:
    import jinja2

    from .result import FaceReport, ScanReport

PICTURE, QUALITY = 176, 82  # px, JPEG
MOST_FACES = 12  # shown with pictures; the rest in a table
LEVELS = ("little", "some", "strong")


def write(path: str | os.PathLike[str], reports: Sequence[ScanReport]) -> None:
    """Write one page for one or more scanned files.

    Raises:
        OSError: the page cannot be written.
    """
    Path(path).write_text(page(reports), encoding="utf-8")


def page(reports: Sequence[ScanReport]) -> str:
    """The page as text. Pictures are taken from the scanned files, where they are still there."""
    from ..core.version import VERSION

    return (
        _environment()
        .get_template("report.html")
        .render(
            files=[_file(report) for report in reports],
            version=VERSION,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            levels=LEVELS,
        )
    )


def _file(report: ScanReport) -> dict[str, Any]:
    fact, estimate = report.sentences()
    strongest_first = sorted(report.faces, key=lambda face: -(face.evidence.score or -1.0))
    shown = strongest_first[:MOST_FACES]
    shots = _Pictures(report)
    return {
        "report": report,
        "name": report.path.name,
        "fact": fact,
        "estimate": estimate,
        "rate": None if report.false_alarms_per_100 is None else round(report.false_alarms_per_100),
        "faces": [_face(report, face, shots) for face in shown],
        "others": [_row(report, face) for face in strongest_first[MOST_FACES:]],
        "people": _people(report),
        "length": "picture" if report.still else timecode(report.info.seconds),
        "looked_at": timecode(report.looked_at),
        "partial": not report.still and report.looked_at < report.info.seconds - 0.5,
        "json": report.to_dict(),
        "data": base64.b64encode(_json(report).encode()).decode(),
    }


def _face(report: ScanReport, face: FaceReport, shots: _Pictures) -> dict[str, Any]:
    moments = face.strongest()
    middle = float(face.times[len(face.times) // 2])
    return _row(report, face) | {
        "picture": shots.of(face, moments[0][0] if moments else middle),
        "moments": [
            {"number": number, "time": timecode(when), "score": score, "picture": shots.of(face, when)}
            for number, (when, score) in enumerate(moments, 1)
        ],
        "chart": _chart(report, face, moments) if moments else None,
    }


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


class _Pictures:
    """Small JPEG data URIs of a face at a time, decoded again from the scanned file."""

    def __init__(self, report: ScanReport) -> None:
        self._report = report
        self._kept: dict[float, np.ndarray | None] = {}

    def of(self, face: FaceReport, seconds: float) -> str | None:
        if seconds not in self._kept:
            self._kept = {seconds: self._frame(seconds)}
        frame = self._kept[seconds]
        return None if frame is None else _jpeg(frame, face.box(seconds))

    def _frame(self, seconds: float) -> np.ndarray | None:
        report = self._report
        try:
            if report.still:
                return read_image(report.path)
            fps = report.detector.fps
            reader = VideoReader(report.path, fps=fps, start=seconds, seconds=1 / fps, chunk=1)
            return next(iter(reader))[0]
        except (FacewrightError, StopIteration, IndexError):
            return None  # moved or deleted since: the page says that there is no picture


def _jpeg(frame: np.ndarray, box: np.ndarray) -> str:
    x0, y0, x1, y1 = box
    half = 0.75 * max(x1 - x0, y1 - y0)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    scale = PICTURE / (2 * half)
    matrix = np.array([[scale, 0, PICTURE / 2 - scale * cx], [0, scale, PICTURE / 2 - scale * cy]])
    if scale < 0.75:  # average first, so that nothing aliases
        frame = cv2.GaussianBlur(frame, (0, 0), 0.4 / scale)
    cut = cv2.warpAffine(frame, matrix, (PICTURE, PICTURE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(cut, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("OpenCV cannot encode a JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


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
