"""A data folder with MANIFEST.csv, read as an index."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..core.errors import AssetError
from .index import Entry, read_index

TERMS = ("A", "B")
"""Licence classes that shipped weights may learn from: open licences, and public addresses of office holders."""
SOUNDS = ".wav", ".flac", ".mp3", ".m4a"  # of clips that came without theirs; no clips themselves


def read_manifest(data: Path, folder: str = "video_real") -> list[Entry]:
    """Genuine clips in one folder of `data`, with absolute paths; the class leads the licence ("A: CC BY 4.0").

    Raises:
        AssetError: `data_missing` if there is no manifest.
    """
    path = data / "MANIFEST.csv"
    if not path.is_file():
        raise AssetError("data_missing", f"{data} has no MANIFEST.csv", "Name the folder that holds the training data.")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["file"].startswith(f"{folder}/") and row["kind"] == "real"]
    rows = [row for row in rows if not row["file"].lower().endswith(SOUNDS)]
    return [
        Entry(
            video=str((data / row["file"]).resolve()),
            label="genuine",
            identity=row["identity_id"],
            source=Path(row["file"]).stem,
            licence=f"{row['class']}: {row['licence_terms']}",
        )
        for row in rows
        if (data / row["file"]).is_file()
    ]


def read_videos(data: Path, *, terms: Collection[str] = TERMS) -> list[Entry]:
    """What there is to learn from: the entries of an index, or of a folder's manifest, with absolute paths.

    Args:
        data: an index file, or a folder with MANIFEST.csv and `video_real`.
        terms: licence classes to use; entries whose licence names no class are the user's own affair and are used.

    Raises:
        AssetError: `data_missing` if nothing is left, or a video is not there.
        InputError: `bad_index`, `unreadable`.
    """
    entries = read_manifest(data) if data.is_dir() else read_index(data)
    found = []
    for entry in entries:
        named = entry.licence.partition(":")[0].strip()
        if named in terms or len(named) != 1:
            path = (data.parent / entry.video).resolve()
            if not path.is_file():
                raise AssetError("data_missing", f"{data} names {entry.video}, which is not there")
            found.append(replace(entry, video=str(path)))
    if not found:
        classes = ", ".join(terms)
        raise AssetError("data_missing", f"{data} names no video of class {classes}", "Name other data with --data.")
    return found
