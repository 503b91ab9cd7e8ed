"""A manifest that stands beside its file, and the hash that binds it to a file of any kind."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

SUFFIX, LARGEST = ".c2pa", 64 << 20


def beside(path: Path) -> Path | None:
    """The sidecar of a file, `clip.c2pa` or `clip.mkv.c2pa`, if there is one."""
    for name in (path.with_suffix(SUFFIX), path.with_name(path.name + SUFFIX)):
        if name != path and name.is_file() and name.stat().st_size <= LARGEST:
            return name
    return None


def fits(file: BinaryIO, data: Mapping[str, Any]) -> bool:
    """Whether a data hash (C2PA 2.4, §18.5) over the whole file but its exclusions is that of the file."""
    try:
        digest = hashlib.new({"sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}[data["alg"]])
        wanted = base64.b64decode(data["hash"].removeprefix("b64'").removesuffix("'"), validate=True)
        at, end = 0, file.seek(0, io.SEEK_END)
        gaps = sorted((int(gap["start"]), int(gap["length"])) for gap in data.get("exclusions") or [])
        for start, length in [*gaps, (end, 0)]:
            if start < at or length < 0 or start + length > end:
                return False
            file.seek(at)
            while at < start:
                block = file.read(min(1 << 20, start - at))
                digest.update(block)
                at += len(block)
            at = start + length
        return digest.digest() == wanted
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
