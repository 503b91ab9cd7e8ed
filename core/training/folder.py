"""The folder of one run: whose it is, on what it ran, and that nobody else writes to it now."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from ..atomic import read_json, telling, write_json
from ..errors import MachineError, UsageError
from ..version import VERSION

PACKAGES = ("accelerate", "av", "mediapipe", "numpy", "opencv-python", "safetensors", "torch")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder, made if need be, for this run alone.

    Raises:
        MachineError: `busy` if another process trains in it; `read_only`, `disk_full`, `write_failed`.
    """
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "Wait for it, or choose another --out."
            raise MachineError("busy", f"another training writes to {folder}", hint) from error
        yield


def claim(folder: Path, options: Mapping[str, Any], *, begun: bool = True) -> None:
    """Write options.json, or make sure that the one there says the same.

    Args:
        begun: whether the folder holds work; a run that came to nothing has no claim to it.

    Raises:
        UsageError: `other_run`, naming every option that differs.
    """
    path, options = folder / "options.json", json.loads(json.dumps(options))
    found = read_json(path)
    if found is None or not begun:
        write_json(path, options)
        return
    there, here = _flat(found), _flat(options)
    differ = [
        f"{name} is {there.get(name, 'absent')!r} there and {here.get(name, 'absent')!r} here"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    if differ:
        message = f"{folder} holds a run with other options: {'; '.join(differ)}"
        raise UsageError("other_run", message, "Choose another --out, or give the former options to go on.")


def _flat(options: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted name → value."""
    if not isinstance(options, Mapping):
        return {prefix: options}
    found: dict[str, Any] = {}
    for name, value in options.items():
        found |= _flat(value, f"{prefix}.{name}" if prefix else str(name))
    return found


def versions() -> dict[str, str]:
    """Of everything that decides what a training gives."""
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return {"facewright": VERSION, "python": platform.python_version(), **found}


def note_start(folder: Path, step: int, machine: Mapping[str, Any]) -> None:
    """Append one start to environment.json."""
    path = folder / "environment.json"
    start = {"step": step, **machine, "system": platform.platform(), "versions": versions()}
    write_json(path, [*(read_json(path) or []), start])


def fingerprint(data: Path) -> str:
    """SHA-256 of an index, of a folder's MANIFEST.csv, or of the names and sizes in a folder without one."""
    if data.is_dir():
        manifest = data / "MANIFEST.csv"
        if not manifest.is_file():
            names = sorted(
                f"{path.relative_to(data)} {path.stat().st_size}" for path in data.rglob("*") if path.is_file()
            )
            return hashlib.sha256("\n".join(names).encode()).hexdigest()
        data = manifest
    with data.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
