"""Weight records: what every weight file is, shipped or imported, under which terms, and whether it is intact.

A folder of weights holds a `record.json` (or `NAME.record.json`) beside its files:

    {"name": "meshwarp", "architecture": "…", "files": [{"file": "x.safetensors", "sha256": "…", "bytes": 1}],
     "licences": {"code": "…", "weights": "…", "data": "…"}, "data": ["…"], "made": {…}, "metrics": {…}}
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .errors import AssetError, UsageError
from .paths import home

PACKAGE = Path(__file__).resolve().parent.parent
FOLDERS = ("generate/methods/*/weights", "detect/weights", "core/faces/data")


@dataclass(frozen=True)
class WeightFile:
    """One file of a record: where it lies, its SHA-256 and its length in bytes."""

    path: Path
    sha256: str
    bytes: int

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class WeightRecord:
    """What a set of weights is.

    Attributes:
        name: as commands and cards use it.
        files: the files it consists of.
        architecture: the network or model, in words.
        licences: terms of `code`, `weights` and `data`.
        data: what it was trained on, one entry a source.
        made: how to make it again (command, seed, date, versions).
        metrics: measured figures.
    """

    name: str
    files: tuple[WeightFile, ...]
    architecture: str
    licences: Mapping[str, str]
    data: tuple[Any, ...]
    made: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "architecture": self.architecture,
            "files": [{"file": file.name, "sha256": file.sha256, "bytes": file.bytes} for file in self.files],
            "licences": dict(self.licences),
            "data": list(self.data),
            "made": dict(self.made),
            "metrics": dict(self.metrics),
        }


@cache
def shipped() -> tuple[WeightRecord, ...]:
    """All records that come with the package, by name."""
    found = (read_record(path) for folder in FOLDERS for path in PACKAGE.glob(f"{folder}/*record.json"))
    return tuple(sorted(found, key=lambda record: record.name))


def imported_folder() -> Path:
    """Where `facewright weights import` puts weights, a folder for each."""
    return home() / "weights"


def records() -> tuple[WeightRecord, ...]:
    """All records, shipped and imported, by name."""
    found = (read_record(path) for path in imported_folder().glob("[!.]*/record.json"))
    return tuple(sorted((*shipped(), *found), key=lambda record: record.name))


def record(name: str) -> WeightRecord:
    """The record called `name`.

    Raises:
        UsageError: `unknown_weights`, with the nearest name.
    """
    known = {record.name: record for record in records()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none'}."
        raise UsageError("unknown_weights", f"there are no weights called {name!r}", hint)
    return known[name]


def read_record(path: Path) -> WeightRecord:
    """Read one `record.json`; its files lie beside it.

    Raises:
        AssetError: `bad_record` if it is not JSON or lacks a field.
    """
    try:
        fields = json.loads(path.read_text("utf-8"))
        files = tuple(WeightFile(path.parent / file["file"], file["sha256"], file["bytes"]) for file in fields["files"])
        return WeightRecord(
            name=fields["name"],
            files=files,
            architecture=fields["architecture"],
            licences={term: fields["licences"][term] for term in ("code", "weights", "data")},
            data=tuple(fields["data"]),
            made=fields["made"],
            metrics=fields["metrics"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a weight record: {error!r}"
        raise AssetError("bad_record", message, _again(path)) from error


def check(record: WeightRecord) -> None:
    """Compare every file of a record with its SHA-256.

    Raises:
        AssetError: `weights_missing` or `hash_mismatch`.
    """
    for file in record.files:
        try:
            with file.path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise AssetError(
                "weights_missing", f"weights {record.name}: {file.path} cannot be read", _again(file.path)
            ) from error
        if found != file.sha256:
            raise AssetError(
                "hash_mismatch",
                f"weights {record.name}: {file.path} has SHA-256 {found}, its record says {file.sha256}",
                f"{_again(file.path)} Do not use a file that somebody changed.",
            )


def _again(path: Path) -> str:
    if path.is_relative_to(imported_folder()):
        return f"Remove {path.parent} and import these weights again."
    return "Install facewright again."
