"""The box walk: what stands where, what no hash covers, and no surprise on broken files."""

from __future__ import annotations

import io
import random

from facewright.provenance import boxes


def box(kind: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    return (len(body) + 8 if size is None else size).to_bytes(4, "big") + kind + body


def manifest(body: bytes) -> bytes:
    return box(b"uuid", boxes.C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8) + body)


def walk(data: bytes) -> list[tuple[str, int]]:
    return [(item.kind, item.size) for item in boxes.top_level(io.BytesIO(data))]


def test_sizes_of_every_form():
    long = (1).to_bytes(4, "big") + b"mdat" + (20).to_bytes(8, "big") + b"abcd"
    assert walk(box(b"ftyp", b"isom") + long + box(b"free") + box(b"mdat", b"to the end", size=0)) == [
        ("ftyp", 12), ("mdat", 20), ("free", 8), ("mdat", 18),
    ]  # fmt: skip


def test_broken_files_end_the_walk():
    whole = box(b"ftyp", b"isom") + box(b"moov", bytes(100))
    assert walk(whole[:-1]) == [("ftyp", 12)]
    assert walk(box(b"ftyp", size=7)) == []
    assert walk(b"") == walk(b"abc") == []
    rng = random.Random(0)
    for _ in range(300):
        noise = bytearray(whole)
        noise[rng.randrange(len(noise))] = rng.randrange(256)
        list(boxes.top_level(io.BytesIO(noise)))
        boxes.unsigned_bytes(io.BytesIO(noise))


def test_the_manifest_is_found():
    data = io.BytesIO(box(b"ftyp", b"isom") + box(b"uuid", bytes(60)) + manifest(b"signed") + box(b"mdat", b"x"))
    assert boxes.embedded_manifest(data) == b"signed"
    assert boxes.embedded_manifest(io.BytesIO(box(b"ftyp"))) is None
    assert boxes.embedded_manifest(io.BytesIO(box(b"uuid", boxes.C2PA_UUID))) is None


def test_bytes_that_no_hash_covers():
    padding = (
        box(b"ftyp", b"isom") + box(b"free", bytes(1000)) + box(b"skip") + manifest(b"signed") + box(b"mdat", b"xy")
    )
    assert boxes.unsigned_bytes(io.BytesIO(padding)) == {}
    hidden = padding + box(b"free", b"A" * 50) + box(b"skip", bytes(9) + b"B") + box(b"free", b"C") + manifest(b"other")
    found = boxes.unsigned_bytes(io.BytesIO(hidden))
    assert found == {"free": 51, "skip": 10, "uuid": len(manifest(b"other")) - 8}
