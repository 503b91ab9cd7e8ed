"""Real speech with its phones: a few minutes, but people. Words come from `transcripts.json` or are recognised."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import numpy as np

from ....core.errors import InputError
from ....core.media import read_audio
from .train_align import align
from .train_clips import manifest
from .train_espeak import Utterance


@cache
def _transcripts() -> dict[str, str | None]:
    return json.loads(Path(__file__).with_name("transcripts.json").read_text("utf-8"))


def is_known(name: str) -> bool:
    """Whether `transcripts.json` knows the recording called `name`."""
    return any(fnmatch(name, pattern) for pattern in _transcripts())


def real_labels(name: str, samples: np.ndarray) -> np.ndarray | None:
    """Labels of the recording called `name`; None if it is not in `transcripts.json` or cannot be aligned."""
    for pattern, words in _transcripts().items():
        if fnmatch(name, pattern):
            try:
                return align(samples, words)
            except InputError:
                return None
    return None


def real_speech(data: Path) -> list[Utterance]:
    """What can be labelled in `data`/speech and in the sound of `data`/video_real."""
    found = []
    for source in manifest(data, "speech") + manifest(data, "video_real"):
        if is_known(source.name):
            samples = read_audio(source.path)
            if (labels := real_labels(source.name, samples)) is not None:
                found.append(Utterance(samples, labels, source.identity))
    return found
