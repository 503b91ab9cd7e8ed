"""The hard binding of a film: copied and hashed here, where c2pa would write and read it several times.

c2pa lays out the manifest over a stub, a kilobyte of nothing for each mebibyte of film. Then the film's own hashes take
the place of the stub's in the assertion `c2pa.hash.bmff.v3` (C2PA 2.4, §18.7): one SHA-256 over every box that counts,
each behind its offset, and one for each block of the media. The kernel copies, while other threads hash.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .boxes import C2PA_UUID, UNHASHED, Box, top_level
from .softbinding import assertion_box, unexpected

BLOCK, STUB_BLOCK = 1 << 20, 1 << 10
_LABEL = b"c2pa.hash.bmff.v3\0"
_HEAD = 16  # bytes of an mdat that stand under the first hash, not in a block
_SIZE = b"nfixedBlockSize"
_STUB_SIZE, _FILM_SIZE = _SIZE + b"\x19\x04\x00", _SIZE + b"\x1a\x00\x10\x00\x00"  # CBOR: 1024 and 1048576
_GROWTH = len(_FILM_SIZE) - len(_STUB_SIZE)
_HASH, _HASHES, _DIGEST = b"dhash\x58\x20", b"fhashes", b"\x58\x20"
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_THREADS = 2


@dataclass(frozen=True)
class Film:
    """An MP4 or QuickTime file as `VideoWriter` makes them: ftyp, moov and one mdat, perhaps padding."""

    path: Path
    boxes: tuple[Box, ...]

    @classmethod
    def of(cls, path: Path) -> Film | None:
        """The film, or None if its boxes are others; then c2pa binds it."""
        with open(path, "rb") as file:
            boxes = tuple(top_level(file))
            whole = boxes and boxes[-1].end == file.seek(0, os.SEEK_END)
        kinds = [box.kind for box in boxes]
        plain = whole and kinds[0] == "ftyp" and {"moov", "mdat"} <= set(kinds) <= {"ftyp", "moov", "mdat", "free"}
        film = cls(path, boxes) if plain and kinds.count("mdat") == kinds.count("moov") == 1 else None
        return film if film and film._mdat.size > _HEAD and film.boxes[-1].end < 1 << 31 else None

    @property
    def _mdat(self) -> Box:
        return next(box for box in self.boxes if box.kind == "mdat")

    @property
    def _blocks(self) -> range:
        return range(self._mdat.start + _HEAD, self._mdat.end, BLOCK)

    def stub(self) -> bytes:
        """A file with as many blocks, of `STUB_BLOCK`."""
        size = _HEAD + STUB_BLOCK * (len(self._blocks) - 1) + 1
        with open(self.path, "rb") as file:
            return file.read(self.boxes[0].size) + struct.pack(">I4s", size, b"mdat") + bytes(size - 8)

    def write(self, target: BinaryIO, manifest: bytes, data: bytes) -> tuple[bytes, bytes]:
        """Write the film with room for its manifest.

        Args:
            target: open for writing, empty.
            manifest: the store that c2pa laid out over the stub.
            data: what is to be signed, the claim inside.

        Returns:
            Manifest and data with the film's hashes; the manifest still has to be signed and written to `place`.
        """
        old = assertion_box(manifest, manifest.rfind(_LABEL))  # those of ingredients come before it
        head = struct.pack(">I4s", self.place + len(manifest) + _GROWTH - self.boxes[0].size, b"uuid")
        head += C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8)
        shift = len(head) + len(manifest) + _GROWTH
        main = hashlib.sha256()
        with open(self.path, "rb") as source, ThreadPoolExecutor(_THREADS) as pool:
            hashed = pool.map(lambda at: self._block(source.fileno(), at), self._blocks)
            for box in self.boxes:
                start = target.tell()
                if box.kind == "moov":
                    source.seek(box.start)
                    moov = _shifted(source.read(box.size), shift)
                    target.write(moov)
                    main.update(start.to_bytes(8, "big") + moov)
                    continue
                if box.kind not in ("ftyp", *UNHASHED):
                    main.update(start.to_bytes(8, "big") + os.pread(source.fileno(), _HEAD, box.start))
                target.flush()
                _copy(source, target, box)
                if box.kind == "ftyp":
                    target.write(head + bytes(len(manifest) + _GROWTH))
            blocks = b"".join(_DIGEST + digest for digest in hashed)
        new = _put(old, main.digest(), blocks)
        before, after = hashlib.sha256(old[8:]).digest(), hashlib.sha256(new[8:]).digest()
        if manifest.count(old) != 1 or manifest.count(before) != 1 or data.count(before) != 1:
            raise unexpected()
        grown = _lengthened(manifest, manifest.find(old), _GROWTH)
        return grown.replace(old, new).replace(before, after), data.replace(before, after)

    @property
    def place(self) -> int:
        """Where the manifest store begins in the written file."""
        return self.boxes[0].size + 8 + 16 + 4 + len(b"manifest\0") + 8

    def _block(self, file: int, at: int) -> bytes:
        return hashlib.sha256(os.pread(file, min(BLOCK, self._mdat.end - at), at)).digest()


def _copy(source: BinaryIO, target: BinaryIO, box: Box) -> None:
    at = box.start
    while at < box.end:
        at += os.sendfile(target.fileno(), source.fileno(), at, min(box.end - at, 1 << 30))
    target.seek(0, os.SEEK_END)


def _put(box: bytes, digest: bytes, blocks: bytes) -> bytes:
    """The assertion's box with the film's hashes in it, and the size of its blocks."""
    first, many = box.find(_HASH), box.find(_HASHES)
    if first < 0 or many < 0 or box.count(_STUB_SIZE) != 1:
        raise unexpected()
    begin = box.find(_DIGEST, many)
    first += len(_HASH)
    changed = box[:first] + digest + box[first + 32 : begin] + blocks + box[begin + len(blocks) :]
    at = changed.find(_STUB_SIZE)
    if at < 0 or changed[begin + len(blocks) : at] not in (b"", b"hinitHash"):
        raise unexpected()
    changed = _lengthened(changed, at, _GROWTH)
    return changed.replace(_STUB_SIZE, _FILM_SIZE)


def _lengthened(boxes: bytes, at: int, extra: int) -> bytes:
    """JUMBF boxes, each one around or at the byte `at` told to be so much longer."""
    result, position, end = bytearray(boxes), 0, len(boxes)
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", boxes, position)
        if size < 8:
            raise unexpected()
        if position <= at < position + size:
            if position != at:
                struct.pack_into(">I", result, position, size + extra)
            if kind != b"jumb" or position == at:
                break
            position, end = position + 8, position + size
        else:
            position += size
    return bytes(result)


def _shifted(moov: bytes, shift: int) -> bytes:
    """The index with every chunk so much further back (stco and co64, ISO/IEC 14496-12 §8.7.5)."""
    result = bytearray(moov)
    for kind, body, end in _leaves(moov, 0, len(moov)):
        if kind in (b"stco", b"co64"):
            form, width = (">I", 4) if kind == b"stco" else (">Q", 8)
            (count,) = struct.unpack_from(">I", moov, body + 4)
            if body + 8 + count * width > end:
                raise unexpected()
            for at in range(body + 8, body + 8 + count * width, width):
                struct.pack_into(form, result, at, struct.unpack_from(form, moov, at)[0] + shift)
    return bytes(result)


def _leaves(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > end:
            raise unexpected()
        if kind in _CONTAINERS:
            yield from _leaves(data, at + 8, at + size)
        else:
            yield kind, at + 8, at + size
        at += size
