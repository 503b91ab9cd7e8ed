"""The contract of a detector: frames of one face in, evidence per moment and for the whole track out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..core.media import read_audio

if TYPE_CHECKING:
    from ..core.faces import Face

REASONS = {
    "no_face": "no face was found",
    "face_too_small": "the face is too small",
    "too_short": "the face is not seen for long enough without a break",
    "too_dark": "the face is too dark",
    "no_sound": "the file has no sound",
    "too_quiet": "the sound is too quiet",
    "not_speaking": "the lips hardly move",
    "names_only": "it says which generator made a face, not whether one did",
    "outside_conditions": "the face is seen under conditions that the detector was not tested on",
}
"""Why a detector abstains; abstention is an answer of its own, never a score in the middle."""


@dataclass(frozen=True)
class Observation:
    """One face in one frame.

    Attributes:
        seconds: time in the file.
        image: the whole frame, uint8 RGB (H, W, 3).
        luma: the same in grey, uint8 (H, W).
        face: where the face is in it.
    """

    seconds: float
    image: np.ndarray
    luma: np.ndarray
    face: Face


@dataclass(frozen=True)
class Sound:
    """The sound of the file that is looked at, for detectors that compare lips with a voice."""

    path: Path

    def between(self, start: float, seconds: float) -> np.ndarray:
        """That stretch as mono float32 (n,), 16,000 samples a second; time 0 is the video's.

        Raises:
            InputError: no_audio (abstain with `no_sound`), too_short (no sound as late as `start`), empty, unreadable.
        """
        return read_audio(self.path, start=start, seconds=seconds)


@dataclass(frozen=True)
class Evidence:
    """What a detector says of one face.

    Attributes:
        score: for the whole track, in [0, 1], growing with evidence of synthesis; None on abstention.
        reason: why it abstained, a key of `REASONS`; None otherwise.
        false_alarms_per_100: of 100 genuine clips, at most about so many are expected to score as high; None on
            abstention.
        times: (n,) seconds of the moments.
        scores, low, high: (n,) each moment's score with the interval of its mean (90 %).
        details: what only this detector knows, as JSON: `offset` and `confidence` of lip sync, `generator` of
            attribution. A panel keeps what each member said under `detectors`: name → `Evidence`.
    """

    score: float | None
    reason: str | None
    false_alarms_per_100: float | None
    times: np.ndarray
    scores: np.ndarray
    low: np.ndarray
    high: np.ndarray
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def abstention(cls, reason: str, details: Mapping[str, Any] | None = None) -> Evidence:
        none = np.empty(0, np.float32)
        return cls(None, reason, None, none, none, none, none, details or {})


class TrackReader(Protocol):
    """Takes the frames of one face in order; memory does not grow with pictures, only by a few numbers a frame."""

    def push(self, observation: Observation) -> None: ...

    def evidence(self) -> Evidence: ...


class Detector(Protocol):
    """A trained detector.

    Attributes:
        name: as reports show it.
        fps: frames a second that it must be given.
        thresholds: score of a single face from which evidence counts as "some" and as "strong".
        about: what it is, what it was tested on and how it did, as label → text, for reports.
    """

    name: str
    fps: float
    thresholds: dict[str, float]
    about: dict[str, str]

    def open(self, sound: Sound | None = None) -> TrackReader:
        """A reader for one more face; without a sound it looks at pictures alone."""
        ...

    def level(self, false_alarms_per_100: float) -> str:
        """That rate of false alarms in words: "strong", "some" or "little"."""
        ...
