"""What is known about one generated video: declared by the generator, completed by the seal, kept by the store."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..core.errors import InputError, UsageError

NO_CONSENT = "no consent statement given"
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI_SOURCE_TYPES = (IPTC + "trainedAlgorithmicMedia", IPTC + "compositeWithTrainedAlgorithmicMedia")


def new_record_id() -> str:
    """64 random bits as 16 hex digits: the payload of every mark of one file, without a meaning of its own."""
    return secrets.token_hex(8)


def sha256_file(path: str | Path) -> str:
    """Hex digest of a file, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Ingredient:
    """One input of a generation.

    Attributes:
        path: the file, or "" when the input was an array in memory (then `sha256` must be given).
        role: "portrait", "audio", "video" (a driving clip), "target" (a clip that is edited), ….
        title: what people call it; the file's name if empty.
        sha256: hex digest of its bytes; `measured()` fills it in.
        size: bytes.
    """

    path: str
    role: str
    title: str = ""
    sha256: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(self.path))

    def measured(self) -> Ingredient:
        """This ingredient with its hash, size and title.

        Raises:
            InputError: "unreadable" if the file cannot be read.
        """
        if self.sha256:
            return self
        try:
            path = Path(self.path).absolute()
            return replace(
                self, path=str(path), title=self.title or path.name, sha256=sha256_file(path), size=path.stat().st_size
            )
        except OSError as error:
            reason = error.strerror or error
            raise InputError("unreadable", f"Cannot read the {self.role} {self.path}: {reason}.") from error


@dataclass(frozen=True)
class Draft:
    """What a generator declares about a video it is about to make; the seal adds id, time, tool and mark.

    Attributes:
        method, method_version: the generator.
        weights: weight file name → sha256.
        seed: seed of every random draw.
        controls: everything else that decides the pixels; JSON values only.
        ingredients: inputs; the first "target" or "portrait" is what the video was made from.
        consent: who agreed to what, in the user's words; None if nothing was stated.
        digital_source_type: one of `AI_SOURCE_TYPES` (IPTC vocabulary); the name without its address will do.
        command: the command line that made it, for `replay`; never leaves the store.
    """

    method: str
    method_version: str
    weights: Mapping[str, str]
    seed: int
    controls: Mapping[str, Any]
    ingredients: tuple[Ingredient, ...] = ()
    consent: str | None = None
    digital_source_type: str = AI_SOURCE_TYPES[1]
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        source_type = IPTC + self.digital_source_type.removeprefix(IPTC)
        if source_type not in AI_SOURCE_TYPES:
            raise UsageError(
                "usage", f"A generated video is one of {AI_SOURCE_TYPES}, not {self.digital_source_type!r}."
            )
        object.__setattr__(self, "digital_source_type", source_type)
        try:
            json.dumps([dict(self.weights), dict(self.controls)], allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError("usage", f"Weights and controls of a draft must be JSON values: {error}.") from error


@dataclass(frozen=True)
class Record(Draft):
    """A draft with what the seal adds; enough to replay the generation and to recognise the video.

    Attributes:
        record_id: 16 hex digits, the payload of the watermark.
        created: UTC time, ISO 8601 with a trailing Z.
        versions: program → version, facewright first.
        width, height, fps, frames, seconds: the sealed video; fps as a fraction ("25" or "30000/1001").
        fingerprint_sha256: digest of the perceptual fingerprint kept beside the record.
        pixels_sha256: digest of all frames as they were rendered, before the mark; "" if they came marked.
        sound: None if there is none; else `marked`, whether it gave the watermark back after the encode, and if not
            `reason` and, where it came with the mark of another record, that id as `carries`.
    """

    record_id: str = ""
    created: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    width: int = 0
    height: int = 0
    fps: str = ""
    frames: int = 0
    seconds: float = 0.0
    fingerprint_sha256: str = ""
    pixels_sha256: str = ""
    sound: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-friendly."""
        return {
            **asdict(self),
            "ingredients": [asdict(item) for item in self.ingredients],
            "command": list(self.command),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """The inverse of `to_dict`; keys of newer versions are passed over.

        Raises:
            InputError: "bad_record" if something is missing or of the wrong kind.
        """
        try:
            known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
            known["ingredients"] = tuple(Ingredient(**item) for item in known["ingredients"])
            known["command"] = tuple(known["command"])
            if not isinstance(known.get("sound"), Mapping | None):
                raise TypeError("its sound is no object")
            return cls(**known)
        except (KeyError, TypeError, UsageError) as error:
            raise InputError("bad_record", f"This is not a record of a generated video: {error}.") from error
