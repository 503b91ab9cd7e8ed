"""Soft bindings: an assertion for each of our watermarks, with the record id in it as a byte string.

The C2PA schema wants a CBOR byte string; c2pa-rs builds assertions from JSON, which has none, and writes a text string.
Its head byte is the only difference (major type 3 against 2, RFC 8949 §3.1), so `as_bytes` changes that byte in the
written file, and with it the assertions' hashes in the claim and the signature of the claim. All keep their length.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from ..core.errors import RefusedError

LABEL = "c2pa.soft-binding"
ALGORITHM = "org.facewright.video.1"  # not on the C2PA list, so a conforming reader will not know where to look it up
SOUND_ALGORITHM = "org.facewright.audio.1"
ALGORITHMS = ALGORITHM, SOUND_ALGORITHM
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


def as_bytes(manifest: bytes, data: bytes, record_id: str) -> tuple[bytes, bytes]:
    """Turn the values of the soft bindings into byte strings, before the claim is signed.

    Args:
        manifest: the manifest store as c2pa wrote it.
        data: what is to be signed (COSE Sig_structure, the claim inside).
        record_id: the value.

    Returns:
        Manifest and data with the assertions changed, and their hashes.
    """
    text = b"evalue" + _TEXT_16 + record_id.encode()
    at = manifest.find(text)
    if at < 0:
        raise unexpected()
    while at >= 0:
        box = assertion_box(manifest, at)
        changed = box.replace(text, text.replace(_TEXT_16, _BYTES_16))
        old, new = hashlib.sha256(box[8:]).digest(), hashlib.sha256(changed[8:]).digest()
        if LABEL.encode() not in box or {manifest.count(box), manifest.count(old), data.count(old)} != {1}:
            raise unexpected()
        manifest, data = manifest.replace(box, changed).replace(old, new), data.replace(old, new)
        at = manifest.find(text)
    return manifest, data


def assertion_box(manifest: bytes, at: int) -> bytes:
    """The JUMBF superbox around a byte: 4 bytes length, `jumb`, then what the claim's hash is over."""
    start = manifest.rfind(b"jumb", 0, manifest.rfind(b"jumd", 0, max(0, at))) - 4
    box = manifest[start : start + int.from_bytes(manifest[start : start + 4], "big")] if start >= 0 else b""
    if at < 0 or start + len(box) <= at:
        raise unexpected()
    return box


def unexpected() -> RefusedError:
    """c2pa lays manifests out otherwise than we know it to."""
    return RefusedError(
        "sign_failed",
        "The manifest is not laid out as expected, so no file was written.",
        "Use the version of c2pa-python that pyproject.toml names.",
    )
