"""The report as PDF: the page, printed by a browser that is on this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.atomic import writing
from ..core.errors import MachineError

if TYPE_CHECKING:
    from .report import Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_SECONDS = 300
_QUIET = (
    "--headless",
    "--no-sandbox",  # in containers there is none to be had; the page holds no script and loads nothing
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-sync",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-pdf-header-footer",
)


def browser() -> str:
    """The path of a browser that prints.

    Raises:
        MachineError: `no_browser`.
    """
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        hint = "Install Chromium, or open the page of --report in any browser and print it."
        raise MachineError("no_browser", "there is no Chromium on this machine to print with", hint)
    return found


def print_page(page: Page, path: Path) -> None:
    """Write the page as PDF.

    Raises:
        MachineError: `no_browser`, `print_failed`, `disk_full`, `read_only`, `write_failed`.
    """
    with tempfile.TemporaryDirectory() as folder, writing(path) as part:
        source = Path(folder) / "report.html"
        page.write(source)
        printed = Path(folder) / "report.pdf"
        command = [browser(), *_QUIET, f"--user-data-dir={folder}/profile", f"--print-to-pdf={printed}"]
        try:
            subprocess.run([*command, source.as_uri()], check=True, timeout=_SECONDS, capture_output=True)
            part.write_bytes(printed.read_bytes())
        except (subprocess.SubprocessError, FileNotFoundError) as error:
            hint = "Open the page of --report in any browser and print it."
            raise MachineError("print_failed", f"the browser printed nothing: {error}", hint) from error
