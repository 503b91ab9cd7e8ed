"""The faces of one file while it is looked at: who opens their readers, when they close, and what is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..core.faces import Face
from .detector import Detector, Evidence, Observation, Sound, TrackReader
from .identity import Likeness, group
from .result import FaceReport

MOST_AT_ONCE = 12  # faces followed in one frame, the largest
_LOOK_ALIKE_EVERY = 5  # frames of a track between two looks at who it is
_GLIMPSE = 3  # frames; a face seen for less is not reported
_GONE = 1.5  # s unseen after which the tracker gives a face that comes back a new number
_MOST_UNSCORED = 100  # faces that are listed though no detector could speak of them: the longest seen


@dataclass
class _Track:
    """What is kept of one face; of its reader, once it has not been seen for a while, only what it said."""

    number: int
    reader: TrackReader | None
    times: list[float] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    likeness: Likeness = field(default_factory=Likeness)


@dataclass(frozen=True)
class _Seen:
    number: int
    times: np.ndarray
    boxes: np.ndarray
    evidence: Evidence
    likeness: np.ndarray


class Watch:
    """All faces of a file.

    Attributes:
        frames: looked at so far.
        unlisted: faces that were left out of the list, for there were too many that could not be scored.
    """

    def __init__(self, detector: Detector, sound: Sound | None) -> None:
        self.frames = self.unlisted = 0
        self._detector, self._sound = detector, sound
        self._count = 0
        self._seen: list[_Seen] = []
        self._followed: dict[int, _Track] = {}

    def begin(self) -> None:
        """A new span: the tracker counts from 0 again."""
        self._let_go(float("inf"))

    def frame(self, seconds: float, image: np.ndarray, faces: dict[int, Face]) -> None:
        """The next frame and its faces by track, largest first."""
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for number, face in list(faces.items())[:MOST_AT_ONCE]:
            if number not in self._followed:
                self._followed[number] = _Track(self._count, self._detector.open(self._sound))
                self._count += 1
            one = self._followed[number]
            if len(one.times) % _LOOK_ALIKE_EVERY == 0:
                one.likeness.add(luma, face.landmarks)
            one.times.append(seconds)
            one.boxes.append(face.box)
            assert one.reader
            one.reader.push(Observation(seconds, image, luma, face))
        self._let_go(seconds)
        self.frames += 1

    def faces(self) -> tuple[FaceReport, ...]:
        """What is to be said of each, in order of appearance; the watch is over."""
        self._let_go(float("inf"))
        seen = sorted(self._seen, key=lambda one: one.number)
        people = group([one.likeness for one in seen])
        return tuple(
            FaceReport(
                track=number,
                identity=person,
                seconds=len(one.times) / self._detector.fps if self.frames > 1 else 0.0,
                times=one.times,
                boxes=one.boxes,
                evidence=one.evidence,
            )
            for number, (one, person) in enumerate(zip(seen, people, strict=True))
        )

    def _let_go(self, seconds: float) -> None:
        """Ask for the evidence of faces that are not coming back, so that their readers can be forgotten."""
        for key, one in list(self._followed.items()):
            if seconds - one.times[-1] > _GONE:
                del self._followed[key]
                if len(one.times) >= min(_GLIMPSE, max(self.frames, 1)):
                    self._keep(one)

    def _keep(self, one: _Track) -> None:
        assert one.reader
        times, boxes = np.array(one.times), np.array(one.boxes, np.float32)
        evidence, one.reader = _sane(one.reader.evidence()), None
        self._seen.append(_Seen(one.number, times, boxes, evidence, one.likeness.mean.astype(np.float16)))
        unscored = [seen for seen in self._seen if seen.evidence.score is None]
        if len(unscored) > _MOST_UNSCORED:
            briefest = min(unscored, key=lambda seen: len(seen.times))
            self._seen = [seen for seen in self._seen if seen is not briefest]
            self.unlisted += 1


def _sane(evidence: Evidence) -> Evidence:
    """A detector that gives neither a score nor a reason, or both, is broken: say so rather than report it."""
    if (evidence.score is None) == (evidence.reason is None):
        raise ValueError(f"a detector gives a score or a reason to abstain, not {evidence}")
    return evidence
