"""A sealed video, the store that knows it, and the command `facewright serve` running over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from facewright.provenance import Draft, Ingredient, seal

pytest.importorskip("fastapi", reason="the extra facewright[serve] is not installed")


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Service:
    """A running server."""

    address: str
    process: subprocess.Popen

    def __call__(self, path: str, body: bytes | None = None, **headers: str) -> Reply:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(self.address + path, body, names)
        try:
            with urllib.request.urlopen(asked, timeout=60) as reply:
                return Reply(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.headers, error.read())


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory, portrait_path: Path):
    """A sealed clip of three seconds, beside the home of whoever sealed it."""
    folder = tmp_path_factory.mktemp("sealed")
    still = cv2.resize(cv2.cvtColor(cv2.imread(str(portrait_path)), cv2.COLOR_BGR2RGB), (256, 256))
    draft = Draft("still", "1", {}, 0, {}, (Ingredient(portrait_path, "portrait"),))
    tone = (0.3 * np.sin(np.arange(48_000) / 12)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEWRIGHT_HOME", str(folder / "home"))
        return seal(
            iter([still[None].repeat(25, 0)] * 3),
            folder / "clip.mp4",
            draft=draft,
            fps=25,
            width=256,
            height=256,
            audio=iter([tone]),
            audio_rate=16_000,
        )


@contextmanager
def serving(home: Path, *options: object) -> Iterator[Service]:
    command = [sys.executable, "-m", "facewright", "serve", "--port", "0", *map(str, options)]
    temporary = home.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "FACEWRIGHT_HOME": str(home), "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        assert line.startswith("listening at http://"), line + process.stderr.read()
        yield Service(line.split()[2].rstrip(";"), process)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    return serving


@pytest.fixture(scope="session")
def ask(sealed) -> Iterator[Service]:
    """The service with generous limits, for all tests of its answers."""
    with serving(sealed.path.parent / "home", "--per-minute", 100_000, "--max-upload", 1) as service:
        yield service
