"""The folder and the record of imported weights."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import weights
from .atomic import telling, write_json


@contextmanager
def replacing(name: str) -> Iterator[Path]:
    """A new folder that takes the place of the weights called `name` when the block ends; gone if it fails.

    Raises:
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    folder = weights.imported_folder()
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    old = new.with_name(f"{new.name}.old")
    try:
        yield new
        with telling(folder / name):
            new.chmod(0o755)
            if (folder / name).exists():
                (folder / name).rename(old)
            new.rename(folder / name)
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def write_record(
    folder: Path,
    files: list[str],
    *,
    name: str,
    architecture: str,
    licences: Mapping[str, str],
    data: tuple[str, ...],
    made: Mapping[str, Any],
) -> None:
    """Write `record.json` beside the files; nothing was measured."""
    entries = [
        {"file": file, "sha256": sha256(folder / file), "bytes": (folder / file).stat().st_size} for file in files
    ]
    record = {"name": name, "architecture": architecture, "files": entries, "licences": dict(licences)}
    write_json(folder / "record.json", record | {"data": list(data), "made": dict(made), "metrics": {}})


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
