"""Fixtures that every room shares: one portrait, one voice, the development data, and a home that is not the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
SENTENCE = "Bob and Pam bumped my big map, and maybe Mum keeps plums by the pump."


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's keys, store or cache, nor obeys the user's variables."""
    for name in [name for name in os.environ if name.startswith("FACEWRIGHT_")]:
        if name not in {"FACEWRIGHT_SHARED", "FACEWRIGHT_PARITY"}:  # where data lies, not how the tool behaves
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FACEWRIGHT_HOME", str(home / "config"))
    monkeypatch.setenv("FACEWRIGHT_CACHE", str(home / "cache"))


@pytest.fixture(scope="session")
def portrait_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 512 × 512 PNG of the astronaut Eileen Collins: NASA, public domain."""
    from PIL import Image
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("portrait") / "portrait.png"
    Image.fromarray(astronaut()).save(path)
    return path


@pytest.fixture(scope="session")
def speech_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About four seconds of speech, 22,050 Hz mono, rich in p, b and m."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    speak = [sys.executable, str(REPO / "scripts" / "speak.py"), SENTENCE, str(path)]
    subprocess.run(speak, check=True, timeout=60)  # a process of its own: espeak-ng keeps global state
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the checkout, read only."""
    shared = Path(os.environ.get("FACEWRIGHT_SHARED") or REPO.parent / "shared")
    if not (shared / "data" / "MANIFEST.csv").is_file():
        pytest.skip(f"no development data at {shared / 'data'} (set FACEWRIGHT_SHARED)")
    return shared / "data"
