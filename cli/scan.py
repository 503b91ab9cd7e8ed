"""`facewright scan`: facts about a file, then an estimate of how synthetic its faces look."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import UsageError
from .failures import as_error
from .files import media_files
from .progress import progress
from .session import Answer, Session
from .verb import Verb, option

if TYPE_CHECKING:
    from ..detect import ScanReport

STRENGTH = {"cannot-tell": 0, "little": 0, "some": 1, "strong": 2}
log = logging.getLogger(__name__)


@click.command(
    cls=Verb,
    example="""
facewright scan clip.mp4
facewright scan clips/ --report report.html --json > scan.jsonl
facewright scan clip.mp4 --fail-on strong
find . -name '*.mp4' | facewright scan -
""",
)
@click.argument("paths", nargs=-1, required=True)
@option("--report", metavar="FILE", type=click.Path(path_type=Path), help="Write one self-contained HTML page.")
@option("--fail-on", type=click.Choice(["some", "strong"]), help="Exit with 10 on so much evidence of synthesis.")
@option("--fps", type=float, help="Frames looked at in each second.")
@click.pass_context
def scan(
    ctx: click.Context, paths: tuple[str, ...], report: Path | None, fail_on: str | None, fps: float | None
) -> Iterator[Answer]:
    """Look for synthetic faces in videos and pictures.

    PATHS are files, folders, patterns, or - for a list on stdin. Facts come first (signature, watermark, store), then
    an estimate with its rate of false alarms. A score is not a proof. With --json, one line a file.
    """
    files = media_files(paths)
    if report and report.is_dir():
        raise UsageError("usage", f"--report {report} is a folder", "Name a file, such as report.html.")
    return _scan_all(ctx.ensure_object(Session), files, report, fail_on, fps)


def _scan_all(
    session: Session, files: list[Path], page: Path | None, fail_on: str | None, fps: float | None
) -> Iterator[Answer]:
    reports: list[ScanReport] = []
    for path in files:
        session.warnings.clear()
        try:
            found = _scan(session, path, fps)
        except Exception as failure:
            if len(files) == 1:
                raise
            error = as_error(failure)
            log.log(logging.DEBUG if session.json else logging.ERROR, "%s", error.message, exc_info=failure)
            yield Answer(None, "", error.exit_code, {"file": str(path)}, error.to_dict(), lift=True)
            continue
        if page:
            reports.append(found)
        yield _answer(path, found, fail_on)
    if page and reports:
        from ..detect.report import write

        write(page, reports)
        session.note(f"report: {page}")


def _scan(session: Session, path: Path, fps: float | None) -> ScanReport:
    from ..detect.scan import scan as look

    with progress(session) as report:
        return look(path, fps=fps, progress=report)


def _answer(path: Path, report: ScanReport, fail_on: str | None) -> Answer:
    error = _finding(path, report, fail_on) if fail_on else None
    code = error["exit_code"] if error else 0
    return Answer(report.to_dict(), report.to_text(), code, {"file": str(path)}, error, lift=True)


def _finding(path: Path, report: ScanReport, fail_on: str) -> dict[str, Any] | None:
    """`likely_synthetic`, if the evidence reaches the level asked for, or if a record says so outright."""
    if not report.declared and STRENGTH[report.evidence] < STRENGTH[fail_on]:
        return None
    reason = "its provenance says so" if report.declared else f"{report.evidence} evidence"
    return {"code": "likely_synthetic", "message": f"{path}: synthetic, {reason}", "hint": "", "exit_code": 10}
