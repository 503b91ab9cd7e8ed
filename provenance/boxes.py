"""The top level of an MP4 or QuickTime file: where its boxes stand, and bytes that a C2PA signature leaves out."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
UNHASHED = (
    "free",
    "skip",
    "mfra",
)  # excluded from c2pa.hash.bmff.v3 beside ftyp and C2PA's own uuid boxes (spec 2.4, §A.5)
FIRST, UPDATE = (b"manifest", b"original"), b"update"  # an update manifest stands at the end and renames the first box
_FULL_BOX, _OFFSET = 16 + 4, 8  # uuid, version and flags; then the purpose, and the offset of the first Merkle box


LONGEST_FTYP = 16 + 4 * 16  # a header and sixteen brands; neither is it hashed, and more is no list of brands


@dataclass(frozen=True)
class Box:
    """One top-level box: `start` of its header, `header` bytes, `size` in all."""

    kind: str
    start: int
    header: int
    size: int

    @property
    def body(self) -> int:
        return self.start + self.header

    @property
    def end(self) -> int:
        return self.start + self.size


def top_level(file: BinaryIO) -> Iterator[Box]:
    """The boxes in order; ends where the file stops making sense (ISO/IEC 14496-12 §4.2)."""
    length = file.seek(0, os.SEEK_END)
    start = 0
    while start + 8 <= length:
        file.seek(start)
        head = file.read(16)
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1 and len(head) == 16:
            size, header = int.from_bytes(head[8:], "big"), 16
        elif size == 0:  # to the end of the file
            size = length - start
        if size < header or start + size > length:
            return
        yield Box(head[4:8].decode("latin-1"), start, header, size)
        start += size


def manifest_span(file: BinaryIO) -> tuple[int, int] | None:
    """Where the manifest store begins and ends in the file, or None if there is none."""
    return next(_spans(file, FIRST), None)


def embedded_manifest(file: BinaryIO) -> bytes | None:
    """The manifest store in the file as it was signed first, `application/c2pa`, or None."""
    return next((_span_bytes(file, span) for span in _spans(file, FIRST)), None)


def update_manifest(file: BinaryIO) -> bytes | None:
    """The manifest store of a later update, such as a time-stamp, or None."""
    return next((_span_bytes(file, span) for span in _spans(file, (UPDATE,))), None)


def _spans(file: BinaryIO, purposes: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    for box in list(top_level(file)):
        if (purpose := _purpose(file, box)) in purposes:
            yield box.body + _FULL_BOX + len(purpose) + 1 + _OFFSET, box.end


def _span_bytes(file: BinaryIO, span: tuple[int, int]) -> bytes:
    file.seek(span[0])
    return file.read(span[1] - span[0])


def unsigned_bytes(file: BinaryIO) -> dict[str, int]:
    """Sizes of boxes that hold something but that no C2PA hash covers, by kind; zero-filled padding is passed over.

    A second C2PA box for a manifest, or for an update, counts as "uuid".
    """
    found: dict[str, int] = {}
    seen: set[bytes] = set()
    for box in list(top_level(file)):
        purpose = _purpose(file, box)
        role = FIRST[0] if purpose in FIRST else purpose
        extra_manifest = role in seen
        seen |= {role} & {FIRST[0], UPDATE}
        too_long = box.kind == "ftyp" and box.size > LONGEST_FTYP
        if extra_manifest or too_long or (box.kind in UNHASHED and _holds_something(file, box)):
            found[box.kind] = found.get(box.kind, 0) + box.size - box.header
    return found


def is_bmff(file: BinaryIO) -> bool:
    """Whether the file begins like MP4 or QuickTime."""
    file.seek(0)
    return file.read(8)[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def _purpose(file: BinaryIO, box: Box) -> bytes:
    """What a C2PA box is for: b"manifest", b"merkle", …; empty for any other box."""
    if box.kind != "uuid":
        return b""
    file.seek(box.body)
    head = file.read(min(64, box.size - box.header))
    purpose = head[_FULL_BOX:].split(b"\0")[0] if head.startswith(C2PA_UUID) else b""
    return purpose if box.header + _FULL_BOX + len(purpose) + 1 + _OFFSET <= box.size else b""


def _holds_something(file: BinaryIO, box: Box) -> bool:
    file.seek(box.body)
    left = box.size - box.header
    while left > 0 and (block := file.read(min(left, io.DEFAULT_BUFFER_SIZE * 16))):
        if block.strip(b"\0"):
            return True
        left -= len(block)
    return False
