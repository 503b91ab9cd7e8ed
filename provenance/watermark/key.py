"""The key of the mark: which carriers, which phases."""

from __future__ import annotations

import os
from pathlib import Path

from ...core.errors import InputError, RefusedError
from ...core.paths import home

PUBLIC_KEY = b"facewright public video mark"
"""The key everyone has, so that anyone's facewright can read the record id of anyone's video.

It protects against accident, not against intent: whoever knows it can read the mark, subtract it, or write one with any
id. A mark is therefore never proof of origin by itself; `verify` also wants the signed manifest or the store's record
and its fingerprint. A private key keeps others from reading, forging and cleanly removing the mark, at the price that
they cannot find the record either. It does not hide that a mark is there from someone who compares many videos.
"""

SHORTEST = 16
MOST_RETIRED = 4  # keys that a reader tries beside the current and the public one: each costs a search of the picture


def resolve_key() -> bytes:
    """The private key of this installation, else `PUBLIC_KEY`: what new marks are written with.

    Raises:
        InputError: "unreadable", or "bad_key" for fewer than 16 bytes.
        RefusedError: "key_exposed" if others can read the key in `FACEWRIGHT_HOME`.
    """
    file = current_key_file()
    return _read(file) if file else PUBLIC_KEY


def known_keys() -> list[bytes]:
    """Keys that a mark may have been written with here: the current one, the retired, the latest first, the public.

    Raises:
        As `resolve_key`.
    """
    retired = [_read(path) for path in retired_key_files()[:MOST_RETIRED]]
    return list(dict.fromkeys([resolve_key(), *retired, PUBLIC_KEY]))


def current_key_file() -> Path | None:
    """What `FACEWRIGHT_MARK_KEY` names, else `mark.key` in the key folder if it is there."""
    if named := os.environ.get("FACEWRIGHT_MARK_KEY"):
        return Path(named).expanduser()
    file = home() / "keys" / "mark.key"
    return file if file.exists() else None


def retired_key_files() -> list[Path]:
    """Files of keys that were replaced (`facewright keys rotate --mark-key`), the latest first."""
    return sorted((home() / "keys" / "retired-marks").glob("*.key"), reverse=True)


def _read(file: Path) -> bytes:
    try:
        key, mode = file.read_bytes(), file.stat().st_mode
    except OSError as error:
        message = f"The watermark key {file} cannot be read: {error.strerror}."
        raise InputError("unreadable", message, "Check FACEWRIGHT_MARK_KEY.") from error
    if mode & 0o077 and file.is_relative_to(home()):
        raise RefusedError("key_exposed", f"The watermark key {file} can be read by others.", f"chmod 600 '{file}'")
    if len(key) < SHORTEST:
        message = f"The watermark key {file} holds {len(key)} bytes; it needs at least {SHORTEST}."
        raise InputError("bad_key", message, f"Make one: head -c 32 /dev/urandom > {file}")
    return key
