"""The key of the mark: which carriers, which phases."""

from __future__ import annotations

import os
from pathlib import Path

from ...core.errors import InputError

PUBLIC_KEY = b"facewright public video mark"
"""The key everyone has, so that anyone's facewright can read the record id of anyone's video.

It protects against accident, not against intent: whoever knows it can read the mark, subtract it, or write one with any
id. A mark is therefore never proof of origin by itself; `verify` also wants the signed manifest or the store's record
and its fingerprint. A private key keeps others from reading, forging and cleanly removing the mark, at the price that
they cannot find the record either. It does not hide that a mark is there from someone who compares many videos.
"""

SHORTEST = 16


def resolve_key() -> bytes:
    """The bytes of the file that `FACEWRIGHT_MARK_KEY` names, else `PUBLIC_KEY`.

    Raises:
        InputError: "unreadable", or "bad_key" for fewer than 16 bytes.
    """
    if not (named := os.environ.get("FACEWRIGHT_MARK_KEY")):
        return PUBLIC_KEY
    try:
        key = Path(named).expanduser().read_bytes()
    except OSError as error:
        message = f"The watermark key {named} cannot be read: {error.strerror}."
        raise InputError("unreadable", message, "Check FACEWRIGHT_MARK_KEY.") from error
    if len(key) < SHORTEST:
        message = f"The watermark key {named} holds {len(key)} bytes; it needs at least {SHORTEST}."
        raise InputError("bad_key", message, f"Make one: head -c 32 /dev/urandom > {named}")
    return key
