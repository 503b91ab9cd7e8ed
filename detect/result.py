"""What a scan found: facts about the file's origin, an estimate for each face, and both in words."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.media import MediaInfo
from .detector import REASONS, Detector, Evidence

PROVENANCE = {
    "trusted": "The file is signed, the signer is trusted, and nothing was changed since.",
    "valid-untrusted": "The file is signed and unchanged since, but nobody vouches for the signer.",
    "invalid": "The file carries a signature that does not fit it: it was changed or damaged after signing.",
    "recovered": "A watermark of this tool is in picture or sound, though the file carries no signature.",
    "recovered-mismatch": "A watermark of this tool is in picture or sound, but its record describes another video.",
    "conflict": "The signature and the watermark contradict each other.",
    "revoked": "The file is signed, but the signer's certificate has been revoked.",
    "nothing-found": "No signature and no watermark was found. That says nothing about how the file was made.",
}
DETECTION = {
    "strong": "There is strong evidence of synthesis in a face.",
    "some": "There is some evidence of synthesis in a face.",
    "little": "There is little evidence of synthesis. That is no proof that there was none.",
    "cannot-tell": "The detector cannot tell",
}
DECLARED = "It declares that its faces are synthetic."
MOMENTS, MOMENTS_APART = 3, 1.0  # strongest moments shown, and seconds between two of them


@dataclass(frozen=True)
class FaceReport:
    """One face in one shot.

    Attributes:
        track: number of the face in the file.
        identity: tracks that seem to show one person share it; a guess.
        seconds: how long it was seen in the parts looked at.
        times, boxes: (n,) seconds and (n, 4) pixels of every frame it was seen in.
        evidence: what the detector says.
    """

    track: int
    identity: int
    seconds: float
    times: np.ndarray
    boxes: np.ndarray
    evidence: Evidence

    @property
    def size(self) -> float:
        """Median of the longer side of its box, pixels."""
        return float(np.median((self.boxes[:, 2:] - self.boxes[:, :2]).max(1)))

    def box(self, seconds: float) -> np.ndarray:
        """Where it was at that time: (x0, y0, x1, y1)."""
        return self.boxes[int(np.abs(self.times - seconds).argmin())]

    def strongest(self) -> list[tuple[float, float]]:
        """(seconds, score) of the moments with the highest scores, apart from each other, strongest first."""
        found: list[tuple[float, float]] = []
        for index in np.argsort(-self.evidence.scores):
            when = float(self.evidence.times[index])
            if all(abs(when - other) >= MOMENTS_APART for other, _ in found):
                found.append((when, float(self.evidence.scores[index])))
            if len(found) == MOMENTS:
                break
        return found

    @property
    def detectors(self) -> dict[str, Evidence]:
        """What each member of a panel says of this face; empty if one detector was asked."""
        return dict(self.evidence.details.get("detectors", {}))

    def to_dict(self) -> dict[str, Any]:
        evidence = self.evidence
        return {
            "track": self.track,
            "identity": self.identity,
            "seconds": round(self.seconds, 2),
            "score": _rounded(evidence.score),
            "false_alarms_per_100": _rounded(evidence.false_alarms_per_100, 1),
            "reason": evidence.reason,
            "size": round(self.size),
            "timeline": _timeline(evidence),
            "detectors": {name: _said(each) for name, each in self.detectors.items()},
            "details": plain({name: value for name, value in evidence.details.items() if name != "detectors"}),
        }


@dataclass(frozen=True)
class ScanReport:
    """The answer of `scan`.

    Attributes:
        path, sha256, bytes, info: the file. still: whether it is a picture.
        provenance: `provenance.verify(path).to_dict()`: facts; and `synthetic`, whether they say that it is.
        detector: who estimated.
        faces: what was found, in order of appearance.
        spans: (start, length) in seconds of the parts looked at; empty for a still.
        frames: how many were looked at.
        seconds: the scan took.
        stages: seconds that each stage was at work; they run side by side, so the sum may exceed `seconds`.
        warnings: what was wrong with the file, or kept out of the answer.
    """

    path: Path
    sha256: str
    bytes: int
    info: MediaInfo
    still: bool
    provenance: dict[str, Any]
    detector: Detector
    faces: tuple[FaceReport, ...]
    spans: tuple[tuple[float, float], ...]
    frames: int
    seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the file, for people: what cannot be printed, and could command a terminal, is replaced."""
        return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in self.path.name)

    @property
    def people(self) -> dict[int, float]:
        """Rate of false alarms of each person that was scored, all of their shots held together."""
        rates: dict[int, list[float]] = {}
        for face in self.faces:
            if face.evidence.false_alarms_per_100 is not None:
                rates.setdefault(face.identity, []).append(face.evidence.false_alarms_per_100)
        return {person: together(of) for person, of in rates.items()}

    @property
    def worst(self) -> FaceReport | None:
        """The highest score of the person with the strongest evidence; None if the detector abstains on all."""
        people = self.people
        if not people:
            return None
        person = min(people, key=lambda person: people[person])
        return max((face for face in self.faces if face.identity == person), key=lambda face: face.evidence.score or 0)

    @property
    def score(self) -> float | None:
        return self.worst.evidence.score if self.worst else None

    @property
    def false_alarms_per_100(self) -> float | None:
        """Of the file: with several people each has a chance of a false alarm."""
        return together(list(self.people.values())) if self.people else None

    @property
    def evidence(self) -> str:
        """strong, some, little or cannot-tell: of the person with the strongest evidence."""
        return self.detector.level(min(self.people.values())) if self.people else "cannot-tell"

    @property
    def reason(self) -> str | None:
        """Why the detector abstains, a key of `REASONS`; None if it does not."""
        if self.worst is not None:
            return None
        longest = max(self.faces, key=lambda face: (face.seconds, face.size), default=None)
        return longest.evidence.reason if longest else "no_face"

    @property
    def declared(self) -> bool:
        """Whether the file's provenance says outright that it is synthetic."""
        return bool(self.provenance["synthetic"])

    @property
    def answered(self) -> tuple[str, ...]:
        """Who had something to say, in the order asked: manifest, watermark, detector."""
        mark, manifest = self.provenance.get("watermark") or {}, self.provenance.get("manifest") or {}
        asked = {
            "manifest": manifest.get("present"),
            "watermark": mark.get("found"),
            "detector": self.worst is not None,
        }
        return tuple(name for name, spoke in asked.items() if spoke)

    @property
    def looked_at(self) -> float:
        """Seconds of the video that were looked at."""
        return sum(length for _, length in self.spans)

    def sentences(self) -> tuple[str, str]:
        """Provenance (fact) and detection (estimate), each in words."""
        fact = PROVENANCE[self.provenance["state"]]
        estimate = DETECTION[self.evidence]
        if self.reason:
            estimate = f"{estimate}: {REASONS.get(self.reason, self.reason)}."
        return f"{fact} {DECLARED}" if self.declared else fact, estimate

    def meaning(self) -> str:
        """What the score means, in a sentence; empty on abstention."""
        rate = self.false_alarms_per_100
        if rate is None:
            return ""
        if len(self.people) == 1:
            return f"Of 100 genuine clips like this, at most about {rate:.0f} would score this high."
        people = len(self.people)
        return f"Of 100 genuine clips with {people} people, in at most about {rate:.0f} would one score this high."

    def to_dict(self) -> dict[str, Any]:
        """One line of `facewright scan --json`."""
        return {
            "input": os.fspath(self.path),
            "provenance": self.provenance,
            "detection": {
                "score": _rounded(self.score),
                "evidence": self.evidence,
                "false_alarms_per_100": _rounded(self.false_alarms_per_100, 1),
                "abstained": self.reason is not None,
                "reason": self.reason,
                "detectors": self.scores(),
                "worst_face": self.worst.track if self.worst else None,
            },
            "answered": list(self.answered),
            "faces": [face.to_dict() for face in self.faces],
            "file": {"sha256": self.sha256, "bytes": self.bytes},
            "looked_at": {"spans": [[round(s, 2), round(n, 2)] for s, n in self.spans], "frames": self.frames},
            "warnings": list(self.warnings),
            "stages": self.speeds(),
            "seconds": round(self.seconds, 3),
            "video_seconds": 0.0 if self.still else round(self.info.seconds, 3),
        }

    def scores(self) -> dict[str, float | None]:
        """Score of each detector on the face named worst; None where it abstains."""
        if self.worst and self.worst.detectors:
            return {name: _rounded(said.score) for name, said in self.worst.detectors.items()}
        return {self.detector.name: _rounded(self.score)}

    def speeds(self) -> dict[str, dict[str, float | None]]:
        """For each stage the seconds that it worked, and the frames looked at in each of them."""
        return {
            name: {"seconds": round(worked, 3), "fps": round(self.frames / worked, 1) if worked > 0 else None}
            for name, worked in self.stages.items()
        }

    def to_text(self, *, speeds: bool = False) -> str:
        """For people, on a terminal; `speeds` adds a line for each stage."""
        fact, estimate = self.sentences()
        lines = [self.name, f"  provenance  {fact}"]
        lines += [f"              {line}" for line in self.provenance.get("lines", ())]
        lines += [f"  detection   {estimate}"]
        if meaning := self.meaning():
            lines.append(f"              {meaning}")
        for face in self.faces:
            said = face.evidence
            words = (
                f"score {said.score:.2f}" if said.score is not None else f"cannot tell: {REASONS[said.reason or '']}"
            )
            worst = ", the strongest" if face is self.worst and len(self.faces) > 1 else ""
            lines.append(f"  face {face.track:<7}{face.seconds:.1f} s, {face.size:.0f} px, {words}{worst}")
        if not self.still and self.looked_at < self.info.seconds - 0.5:
            lines.append(f"  looked at   {self.looked_at:.0f} s of {self.info.seconds:.0f} s")
        lines += [f"  warning     {warning}" for warning in self.warnings]
        if speeds:
            done = self.speeds().items()
            lines += [
                f"  {name:<11} {speed['seconds']:.2f} s, {speed['fps'] or 0:.0f} frames/s" for name, speed in done
            ]
            pace = "" if self.still else f", {self.looked_at / self.seconds:.1f} × real time of what was looked at"
            lines.append(f"  in all      {self.seconds:.2f} s{pace}")
        return "\n".join(lines)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained page; pictures are taken from the scanned file, if it is still there."""
        from .report import write

        write(path, [self])


def together(rates: list[float]) -> float:
    """Rates of false alarms per 100 of several looks as one, fair to how often chance was tried.

    Simes, "An improved Bonferroni procedure for multiple tests of significance", Biometrika 1986: one low rate among
    many counts for little, many low ones for as much as each.
    """
    return min(len(rates) * rate / (rank + 1) for rank, rate in enumerate(sorted(rates)))


def plain(value: Any) -> Any:
    """Details of a detector as JSON can hold them: arrays as lists, no NaN, an `Evidence` by what it says."""
    if isinstance(value, Evidence):
        return _said(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value)


def _said(evidence: Evidence) -> dict[str, Any]:
    """One detector of a panel on one face."""
    return {
        "score": _rounded(evidence.score),
        "false_alarms_per_100": _rounded(evidence.false_alarms_per_100, 1),
        "reason": evidence.reason,
        "timeline": _timeline(evidence),
        "details": plain(evidence.details),
    }


def _timeline(evidence: Evidence) -> list[list[float]]:
    return np.round(np.column_stack([evidence.times, evidence.scores]).astype(float), 4).tolist()


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
