"""Every shell block of the pages runs, from top to bottom, as a reader would type it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
RUN = [page for page in PAGES if re.search(r"^```sh$", page.read_text("utf-8"), re.MULTILINE)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory, portrait_path, speech_path) -> Path:
    """A folder with what the pages take for granted: a picture, a voice."""
    from PIL import Image

    desk = tmp_path_factory.mktemp("desk")
    for name in ("face.jpg", "portrait.jpg"):
        Image.open(portrait_path).convert("RGB").save(desk / name, quality=92)
    shutil.copy(speech_path, desk / "speech.wav")
    return desk


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_runs(page, desk, tmp_path):
    here = shutil.copytree(desk, tmp_path / "desk")
    script = ["set -euo pipefail", "rm -f *.mp4"]
    for kind, text in BLOCK.findall(page.read_text("utf-8")):
        if kind == "csv":
            (here / "jobs.csv").write_text(text, "utf-8")
        elif kind == "sh":
            script.append(text)
    if any("ffmpeg" in text for text in script) and not shutil.which("ffmpeg"):
        pytest.skip("the page uses ffmpeg, which is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=here, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tree, desk, tmp_path):
    here = shutil.copytree(desk, tmp_path / "desk")
    (code,) = [text for kind, text in BLOCK.findall((tree.root / "README.md").read_text("utf-8")) if kind == "python"]
    done = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "valid-untrusted\n"
    assert (here / "report.html").is_file()


def test_both_readmes_show_the_same_commands(tree):
    def blocks(name: str) -> list[tuple[str, str]]:
        found = BLOCK.findall((tree.root / name).read_text("utf-8"))
        return [(kind, re.sub(r"\s*#.*", "", text)) for kind, text in found]

    assert blocks("README.md") == blocks("README.zh-CN.md")
