"""Taking records from one store to another: a file of JSON lines, each row checked before it is let in.

The first line names the format and the head of the log; every other is a row: `record`, and as base64 `manifest` and
`fingerprint`. The rows hold what the store holds, paths and command lines too.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ...core.errors import FacewrightError, InputError, UsageError
from .. import fingerprint
from ..fingerprint import Fingerprint
from ..manifest import generation
from ..reading import read_manifest
from ..record import Record
from ..trust import TrustList
from .records import Entry, Store

FORMAT = "facewright.records/1"
LONGEST_LINE = 32 * 2**20  # bytes; the largest row that we write is a tenth of it
BATCH = 64  # rows a transaction
_SAME = "method", "method_version", "weights", "seed", "controls", "ingredients"  # of all files of one clip


@dataclass
class Loaded:
    """What became of the rows of a file.

    Attributes:
        added: rows that are new in the store.
        present: rows that it had.
        refused: line number and reason of each row that was not let in.
    """

    added: int = 0
    present: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def save(store: Store, path: str | Path, *, force: bool = False) -> int:
    """Write all rows, the latest first, to a file that only its owner can read.

    Returns:
        How many.

    Raises:
        UsageError: "output_exists".
        MachineError: "store".
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.exists() and not force:
        raise UsageError("output_exists", f"{path} exists.", "Give another name, or --force.")
    temporary, count = path.with_name(f".{path.name}.{os.getpid()}"), 0
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(json.dumps({"format": FORMAT, "head": str(store.head())}) + "\n")
            for entry in store:
                blobs = {"manifest": entry.manifest, "fingerprint": entry.fingerprint}
                coded = {name: base64.b64encode(blob).decode() for name, blob in blobs.items()}
                file.write(json.dumps({"record": entry.record.to_dict(), **coded}) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def load(store: Store, path: str | Path, *, trust: Sequence[TrustList] = ()) -> Loaded:
    """Add the rows of a file that hold: a manifest that is intact and says of the record what the record says, the
    fingerprint that was signed with it, and no other clip under the id of one that is here.

    Args:
        trust: let in only rows whose signer leads to one of these lists.

    Raises:
        InputError: "unreadable", "bad_index" if the file is none of ours.
        MachineError: "store".
    """
    loaded, batch = Loaded(), {}
    try:
        with open(path, "rb") as file:
            _check_head(file, path)
            for number, line in _lines(file):
                try:
                    entry = _checked(line, trust)
                    known = [*store.all_of(entry.record.record_id)]
                    waiting = [each for each in batch.values() if each.record.record_id == entry.record.record_id]
                    if entry.manifest_sha256 in {each.manifest_sha256 for each in known + waiting}:
                        loaded.present += 1
                        continue
                    for other in (known + waiting)[:1]:
                        _same_clip(entry, other)
                except FacewrightError as error:
                    loaded.refused.append((number, error.message))
                    continue
                batch[entry.manifest_sha256] = entry
                if len(batch) == BATCH:
                    _flush(store, batch, loaded)
    except OSError as error:
        raise InputError("unreadable", f"Cannot read {path}: {error.strerror or error}.") from error
    _flush(store, batch, loaded)
    return loaded


def _flush(store: Store, batch: dict[str, Entry], loaded: Loaded) -> None:
    if batch:
        store.extend(batch.values())
        loaded.added += len(batch)
        batch.clear()


def _check_head(file: BinaryIO, path: str | Path) -> None:
    try:
        if json.loads(file.readline(4096))["format"] == FORMAT:
            return
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError("bad_index", f"{path} is no export of a store.", f"Its first line must name {FORMAT}.")


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number and content of each line; None for one that is too long."""
    number = 1
    while line := file.readline(LONGEST_LINE):
        number += 1
        whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
        while not line.endswith(b"\n") and (line := file.readline(LONGEST_LINE)):
            whole = False
        yield number, line if whole else None


def _checked(line: bytes | None, trust: Sequence[TrustList]) -> Entry:
    """The row of a line, if it is what was signed."""
    entry = _parsed(line)
    Fingerprint.from_bytes(entry.fingerprint)
    reading = read_manifest(entry.manifest, trust=trust)
    if not reading.intact:
        raise InputError("bad_record", f"the manifest does not hold ({', '.join(reading.failures) or reading.problem})")
    if reading.generation != json.loads(json.dumps(generation(entry.record))):
        raise InputError("bad_record", "the record is not what the manifest says")
    if fingerprint.digest(entry.fingerprint) != entry.record.fingerprint_sha256:
        raise InputError("bad_record", "the fingerprint is not the one that was signed")
    if trust and reading.trust_list is None:
        raise InputError("bad_record", f"the signer “{reading.signer}” does not lead to a trust list")
    return entry


def _parsed(line: bytes | None) -> Entry:
    if line is None:
        raise InputError("too_large", f"the line is longer than {LONGEST_LINE >> 20} MiB")
    try:
        row: dict[str, Any] = json.loads(line)
        record = Record.from_dict(row["record"])
        manifest, likeness = (base64.b64decode(row[name], validate=True) for name in ("manifest", "fingerprint"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("bad_record", f"this is no row ({type(error).__name__})") from error
    widths = {"record_id": 16, "created": 32, "method": 64}
    if any(not isinstance(text := getattr(record, name), str) or len(text) > most for name, most in widths.items()):
        raise InputError("bad_record", "a field is not of its kind")
    return Entry(record, manifest, likeness)


def _same_clip(entry: Entry, other: Entry) -> None:
    """Two files of one clip share its id; a stranger that takes the id of a clip shall not stand before it."""
    stated, known = generation(entry.record), generation(other.record)
    pictures = (Fingerprint.from_bytes(each.fingerprint) for each in (other, entry))
    if any(stated[name] != known[name] for name in _SAME) or fingerprint.similarity(*pictures) < fingerprint.MATCH:
        raise InputError("bad_record", f"another clip has the id {entry.record.record_id}")
