"""`facewright scan`: facts about a file, then an estimate of how synthetic its faces look."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import FacewrightError, UsageError
from ..core.progress import Report, silent
from .files import media_files
from .lines import Lines
from .progress import progress
from .scanning import Job, Looked, look
from .session import Answer, Session
from .verb import Verb, option

if TYPE_CHECKING:
    from ..detect.report import Page

DETECTORS = "residual", "temporal", "lipsync", "blended", "panel"
STRENGTH = {"cannot-tell": 0, "little": 0, "some": 1, "strong": 2}
log = logging.getLogger(__name__)


@click.command(
    cls=Verb,
    example="""
facewright scan clip.mp4
facewright scan clip.mp4 --report report.html --pdf report.pdf
facewright scan clips/ --out scan.jsonl --jobs 2 --timeout 600
facewright scan clip.mp4 --fail-on strong
find . -name '*.mp4' | facewright scan -
""",
)
@click.argument("paths", nargs=-1, required=True)
@option("--report", metavar="FILE", type=click.Path(path_type=Path), help="Write one self-contained HTML page.")
@option("--pdf", metavar="FILE", type=click.Path(path_type=Path), help="Print that page with Chromium.")
@option("--fail-on", type=click.Choice(["some", "strong"]), help="Exit with 10 on so much evidence of synthesis.")
@option("--fps", type=float, help="Frames looked at in each second.")
@option("--detector", type=click.Choice(DETECTORS), help="Who estimates; residual if not said.")
@option("--out", metavar="FILE", type=click.Path(path_type=Path), section="Batches",
        help="Add one JSON line a file; the same command goes on where it was broken off.")  # fmt: skip
@option("--jobs", type=click.IntRange(1), section="Batches", help="Files at a time, each in a process of its own.")
@option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), section="Batches",
        help="Longest time for a file.")  # fmt: skip
@option("--ray", metavar="ADDRESS", section="Batches", help="Work on this Ray cluster; local: on one of its own.")
@click.pass_context
def scan(ctx: click.Context, paths: tuple[str, ...], **asked: Any) -> Iterator[Answer]:
    """Look for synthetic faces in videos and pictures.

    PATHS are files, folders, patterns, @LIST for a file of names, or - for a list on stdin. Facts come first
    (signature, watermark, store), then an estimate with its rate of false alarms. A score is not a proof. With --json,
    one line a file.
    """
    files = media_files(paths)
    for name in ("report", "pdf", "out"):
        if asked[name] and asked[name].is_dir():
            raise UsageError("usage", f"--{name} {asked[name]} is a folder", f"Name a file, such as {name}.html.")
    if asked["pdf"]:
        from ..detect.printing import browser

        browser()
    return _Batch(ctx.ensure_object(Session), files, asked).answers()


class _Batch:
    """All files of one command."""

    def __init__(self, session: Session, files: list[Path], asked: dict[str, Any]) -> None:
        self._session, self._fail_on, self._asked = session, asked["fail_on"], asked
        self._show: Report = silent
        self._files = list(dict.fromkeys(files)) if asked["out"] else files
        self._options = {name: asked[name] for name in ("fps", "detector", "fail_on") if asked[name] is not None}

    def answers(self) -> Iterator[Answer]:
        from ..detect.workers import chosen

        with ExitStack() as stack:
            lines = stack.enter_context(Lines(self._asked["out"], self._options)) if self._asked["out"] else None
            new = [path for path in self._files if lines is None or str(path) not in lines]
            page = stack.enter_context(self._page(len(self._files) - len(new))) if self._wants_page else None
            where = {name: self._asked[name] for name in ("jobs", "timeout", "ray")}
            looked = chosen(look, [self._job(path) for path in new], **where, progress=lambda now: self._show(now))
            for path in self._files:
                if lines is not None and str(path) in lines:
                    yield _again(path, lines.of(str(path)))
                    continue
                self._session.warnings.clear()
                with progress(self._session) as self._show:  # closed before the answer, which may share the terminal
                    found = next(looked)
                answer = self._answer(path, found, page)
                if lines is not None:
                    lines.add(self._session.envelope(answer))
                yield answer
            if page is not None and len(page):
                self._publish(page)

    @property
    def _wants_page(self) -> bool:
        return bool(self._asked["report"] or self._asked["pdf"])

    def _page(self, earlier: int) -> Page:
        from ..detect.report import Page

        return Page(earlier)

    def _job(self, path: Path) -> Job:
        return Job(path, self._asked["fps"], self._asked["detector"], self._wants_page, self._session.verbosity > 0)

    def _answer(self, path: Path, found: Looked | FacewrightError, page: Page | None) -> Answer:
        about = {"file": str(path), **self._options}
        if isinstance(found, FacewrightError):
            if len(self._files) == 1 and not self._asked["out"]:
                raise found
            log.log(logging.DEBUG if self._session.json else logging.ERROR, "%s", found.message, exc_info=found)
            return Answer(None, "", found.exit_code, about, found.to_dict(), lift=True)
        if page is not None and found.section:
            page.add(found.section)
        self._session.warnings.extend(found.result.get("warnings", ()))
        error = _finding(path, found, self._fail_on) if self._fail_on else None
        return Answer(found.result, found.text, error["exit_code"] if error else 0, about, error, lift=True)

    def _publish(self, page: Page) -> None:
        if path := self._asked["report"]:
            page.write(path)
            self._session.note(f"report: {path}")
        if path := self._asked["pdf"]:
            from ..detect.printing import print_page

            print_page(page, path)
            self._session.note(f"report: {path}")


def _again(path: Path, line: dict[str, Any]) -> Answer:
    """What an earlier run of the same batch said."""
    error, result = line["error"], line["result"]
    said = result["detection"]["evidence"] if result else error["message"]
    code = error["exit_code"] if error else 0
    return Answer(result, f"{path.name}\n  before      {said}", code, line["inputs"], error, lift=True)


def _finding(path: Path, found: Looked, fail_on: str) -> dict[str, Any] | None:
    """`likely_synthetic`, if the evidence reaches the level asked for, or if a record says so outright."""
    if not found.declared and STRENGTH[found.evidence] < STRENGTH[fail_on]:
        return None
    reason = "its provenance says so" if found.declared else f"{found.evidence} evidence"
    return {"code": "likely_synthetic", "message": f"{path}: synthetic, {reason}", "hint": "", "exit_code": 10}
