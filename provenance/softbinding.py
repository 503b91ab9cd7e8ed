"""Soft bindings: an assertion for each of our watermarks, with the record id in it as a byte string.

The C2PA schema wants a CBOR byte string; c2pa-rs builds assertions from JSON, which has none, and writes a text string.
Its head byte is the only difference (major type 3 against 2, RFC 8949 §3.1), so `as_bytes` changes that byte in the
written file, and with it the assertions' hashes in the claim and the signature of the claim. All keep their length.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from ..core.errors import RefusedError
from .boxes import embedded_manifest, manifest_span

LABEL = "c2pa.soft-binding"
ALGORITHM = "org.facewright.video.1"  # not on the C2PA list, so a conforming reader will not know where to look it up
SOUND_ALGORITHM = "org.facewright.audio.1"
_TEXT_16, _BYTES_16 = b"\x70", b"\x50"  # CBOR heads of a text and a byte string of 16


def assertion(record_id: str, algorithm: str = ALGORITHM) -> dict[str, Any]:
    """The data of an assertion: one block, the whole picture or sound, the 16 hex digits of the record id."""
    return {"alg": algorithm, "blocks": [{"scope": {}, "value": record_id}]}


def record_ids(data: Mapping[str, Any], algorithm: str = ALGORITHM) -> list[str]:
    """The record ids in the data of a soft-binding assertion, as crJSON shows it; none of another algorithm."""
    blocks = data.get("blocks") if data.get("alg") == algorithm else None
    values = [block.get("value") for block in blocks or [] if isinstance(block, dict)]
    return [found for value in values if (found := _decoded(value))]


def _decoded(value: object) -> str | None:
    """A byte string arrives as a list of numbers or as base64; other writers put plain text."""
    try:
        if isinstance(value, list):
            return bytes(value).decode("ascii")
        if isinstance(value, str) and value.startswith("b64'"):
            return base64.b64decode(value[4:-1], validate=True).decode("ascii")
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def as_bytes(
    file: BinaryIO, manifest: bytes, signed: tuple[bytes, bytes], sign: Callable[[bytes], bytes], record_id: str
) -> bytes:
    """Turn the values of the soft bindings in a freshly signed file into byte strings.

    Args:
        file: the signed file, open for reading and writing.
        manifest: the manifest store inside it.
        signed: what was signed (COSE Sig_structure, the claim inside) and the signature.
        sign: signs again.

    Returns:
        The manifest store as it now stands in the file.
    """
    data, signature = signed
    text = b"evalue" + _TEXT_16 + record_id.encode()
    changes = []
    for box in _assertion_boxes(manifest, text):
        changed = box.replace(text, text.replace(_TEXT_16, _BYTES_16))
        old, new = hashlib.sha256(box[8:]).digest(), hashlib.sha256(changed[8:]).digest()
        data = data.replace(old, new)
        changes += [(box, changed), (old, new)]
    result = manifest
    for before, after in (*changes, (signature, sign(data))):
        if result.count(before) != 1 or len(before) != len(after):
            raise _unexpected()
        result = result.replace(before, after)
    span = manifest_span(file)
    if span is None or embedded_manifest(file) != manifest:
        raise _unexpected()
    file.seek(span[0])
    file.write(result)
    return result


def _assertion_boxes(manifest: bytes, text: bytes) -> list[bytes]:
    """The JUMBF superboxes of our assertions: 4 bytes length, `jumb`, then what the claim's hash is over."""
    boxes, at = [], manifest.find(text)
    while at >= 0:
        start = manifest.rfind(b"jumb", 0, manifest.rfind(b"jumd", 0, at)) - 4
        box = manifest[start : start + int.from_bytes(manifest[start : start + 4], "big")]
        if start < 0 or LABEL.encode() not in box or start + len(box) <= at:
            raise _unexpected()
        boxes.append(box)
        at = manifest.find(text, at + 1)
    if not boxes:
        raise _unexpected()
    return boxes


def _unexpected() -> RefusedError:
    return RefusedError(
        "sign_failed",
        "The manifest is not laid out as expected, so no file was written.",
        "Use the version of c2pa-python that pyproject.toml names.",
    )
