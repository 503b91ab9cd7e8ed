"""The message in the mark: a 64-bit record id and a 16-bit check that depends on the key too."""

from __future__ import annotations

import binascii
import re

import numpy as np

ID_BITS, CHECK_BITS = 64, 16
BITS = ID_BITS + CHECK_BITS


def to_bits(record_id: str, key: bytes) -> np.ndarray:
    """Message bits, uint8 (BITS,). ValueError unless the id is 16 lower-case hex digits."""
    if not re.fullmatch(f"[0-9a-f]{{{ID_BITS // 4}}}", record_id):
        raise ValueError(f"a record id is {ID_BITS // 4} lower-case hex digits, not {record_id!r}")
    identity = bytes.fromhex(record_id)
    return np.unpackbits(np.frombuffer(identity + _check(identity, key), np.uint8))


def from_bits(bits: np.ndarray, key: bytes) -> str | None:
    """The record id in message bits (BITS,), or None if the check fails."""
    message = np.packbits(bits).tobytes()
    identity, check = message[: ID_BITS // 8], message[ID_BITS // 8 :]
    return identity.hex() if check == _check(identity, key) else None


def _check(identity: bytes, key: bytes) -> bytes:
    return binascii.crc_hqx(identity, binascii.crc_hqx(key, 0xFFFF)).to_bytes(CHECK_BITS // 8, "big")
