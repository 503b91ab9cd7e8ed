"""One file of a batch of `facewright scan`, wherever it is looked at: plain data in, plain data out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import FacewrightError
from ..core.progress import Report
from .failures import as_error

if TYPE_CHECKING:
    from ..detect.report import Section


@dataclass(frozen=True)
class Job:
    """What to do with a file: frames a second, who estimates, whether to draw its part of the page or tell speeds."""

    path: Path
    fps: float | None
    detector: str | None
    page: bool
    speeds: bool


@dataclass(frozen=True)
class Looked:
    """What a batch keeps of a scan."""

    result: dict[str, Any]
    text: str
    evidence: str
    declared: bool
    section: Section | None


def look(job: Job, progress: Report) -> Looked | FacewrightError:
    """Scan one file; what goes wrong is returned, for it may have to travel between processes."""
    try:
        from ..detect.scan import scan

        who = {}
        if job.detector:
            from ..detect.panel import named

            who["detector"] = named(job.detector)
        report = scan(job.path, fps=job.fps, progress=progress, **who)
        section = None
        if job.page:
            from ..detect.report import section as draw

            section = draw(report)
        text = report.to_text(speeds=True) if job.speeds else report.to_text()
        return Looked(report.to_dict(), text, report.evidence, report.declared, section)
    except Exception as failure:
        error = as_error(failure)
        if error is not failure:
            error.__cause__ = failure
        return error
