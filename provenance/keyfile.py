"""Private keys in files: written whole and for their owner alone, refused when others can read them.

A pass phrase comes from `FACEWRIGHT_SIGN_PASSPHRASE` or from the file that `FACEWRIGHT_SIGN_PASSPHRASE_FILE` names,
never from a command line. With one, keys are written encrypted (PKCS#8, AES-256).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from ..core.errors import RefusedError


def passphrase() -> bytes | None:
    """What the variables give, or None.

    Raises:
        RefusedError: "sign_failed" if the file cannot be read, "key_exposed" if others can read it.
    """
    if named := os.environ.get("FACEWRIGHT_SIGN_PASSPHRASE_FILE"):
        path = Path(named).expanduser()
        refuse_exposed(path)
        try:
            return path.read_bytes().rstrip(b"\r\n") or None
        except OSError as error:
            raise RefusedError("sign_failed", f"Cannot read the pass phrase file {named}: {error.strerror}.") from error
    phrase = os.environ.get("FACEWRIGHT_SIGN_PASSPHRASE")
    return phrase.encode() if phrase else None


def load(path: Path, phrase: bytes | None) -> Any:
    """The private key in a PEM file; the pass phrase is only used if the key is encrypted.

    Raises:
        RefusedError: "sign_failed" if it cannot be used, "key_exposed" if others can read it.
    """
    refuse_exposed(path)
    try:
        data = path.read_bytes()
        return serialization.load_pem_private_key(data, phrase if _encrypted(data) else None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RefusedError(
            "sign_failed",
            f"Cannot use the private key {path}: {error}.",
            "An encrypted key needs FACEWRIGHT_SIGN_PASSPHRASE or FACEWRIGHT_SIGN_PASSPHRASE_FILE.",
        ) from error


def pem(key: Any, phrase: bytes | None) -> bytes:
    """A private key as PKCS#8, encrypted if there is a pass phrase."""
    how = serialization.BestAvailableEncryption(phrase) if phrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def is_encrypted(path: Path) -> bool:
    """Whether the key in a PEM file needs a pass phrase."""
    return _encrypted(path.read_bytes())


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Whole or not at all; never readable by others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def refuse_exposed(path: Path) -> None:
    """Refuse a file that others can read.

    Raises:
        RefusedError: "key_exposed", or "sign_failed" if it is not there.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise RefusedError("sign_failed", f"Cannot read {path}: {error.strerror}.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RefusedError(
            "key_exposed",
            f"{path} can be read by others (mode {stat.S_IMODE(mode):04o}), so it is not used.",
            f"Run: chmod 600 '{path}'. If others may have read it, make a new key.",
        )


def _encrypted(data: bytes) -> bool:
    return b"BEGIN ENCRYPTED PRIVATE KEY" in data or b"Proc-Type: 4,ENCRYPTED" in data
