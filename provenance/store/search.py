"""Which rows may show a picture: 64-bit hashes of a few stills, all compared at once, then the fingerprints.

A hash is the sign of the low frequencies of a small grey picture against their median (Zauner, "Implementation and
benchmarking of perceptual image hash functions", 2010). It changes little with size, compression and brightness; rows
also keep the hashes of crops, and a question is asked mirrored too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ...core.errors import InputError
from .. import fingerprint
from ..fingerprint import Fingerprint
from . import log
from .log import Head
from .schema import lookup

if TYPE_CHECKING:
    from .records import Entry

WHOLE = (1.0, 0.5, 0.5)
VIEWS = (  # parts of a still that are hashed: how much of it, and where from 0 (left, top) to 1
    WHOLE,
    (0.85, 0.5, 0.5),
    (0.7, 0.5, 0.5),
    *((0.8, x, y) for x in (0.0, 1.0) for y in (0.0, 1.0)),
)
MOMENTS = 4  # stills of a video that are
NEAR = 12  # differing bits of 64 at which a row is looked at; a stranger has that few once in 3 million times
CANDIDATES = 8  # rows whose fingerprints are compared, at up to a second each
_HASH = 8  # bytes


def looks_of(data: bytes) -> bytes:
    """The hashes of a stored fingerprint, none if it cannot be read."""
    try:
        return looks(Fingerprint.from_bytes(data)).tobytes()
    except InputError:
        return b""


def looks(asked: Fingerprint, views: Iterable[tuple[float, float, float]] = VIEWS) -> np.ndarray:
    """Hashes, uint8 (n, 8), of parts of evenly spread stills."""
    picks = np.unique(np.linspace(0, len(asked.stills) - 1, MOMENTS).round().astype(int))
    return np.stack([_hash(_part(asked.stills[pick], *view)) for pick in picks for view in views])


def matches(asked: Fingerprint, entries: Iterable[Entry], limit: int) -> list[tuple[Entry, float]]:
    """Those entries whose fingerprint matches, the most similar first."""
    scored = ((entry, fingerprint.similarity(Fingerprint.from_bytes(entry.fingerprint), asked)) for entry in entries)
    found = [(entry, score) for entry, score in scored if score >= fingerprint.MATCH]
    return sorted(found, key=lambda pair: pair[1], reverse=True)[:limit]


@dataclass(frozen=True)
class Looks:
    """The hashes of all rows, uint8 (n, 8), and whose they are; read anew when the log has moved on."""

    head: Head
    hashes: np.ndarray
    owners: np.ndarray
    names: list[str]

    @classmethod
    def load(cls, connection: Connection) -> Looks:
        rows = connection.execute(select(lookup.c.manifest_sha256, lookup.c.looks)).all()
        hashes = np.frombuffer(b"".join(bytes(row[1]) for row in rows), np.uint8).reshape(-1, _HASH)
        counts = [len(row[1]) // _HASH for row in rows]
        return cls(log.head(connection), hashes, np.repeat(np.arange(len(rows)), counts), [row[0] for row in rows])

    def nearest(self, asked: Fingerprint) -> list[str]:
        """manifest_sha256 of the rows that may match."""
        if not len(self.hashes):
            return []
        mirrored = Fingerprint(asked.interval, tuple(np.ascontiguousarray(still[:, ::-1]) for still in asked.stills))
        wanted = np.concatenate([looks(asked, [WHOLE]), looks(mirrored, [WHOLE])])
        most = min(len(self.hashes), CANDIDATES * len(VIEWS) * MOMENTS)
        distances, found = cv2.batchDistance(
            wanted, self.hashes, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=most
        )  # rows by distance
        order = np.argsort(distances, axis=None, kind="stable")
        near = order[distances.ravel()[order] <= NEAR]
        owners = dict.fromkeys(int(self.owners[index]) for index in found.ravel()[near])
        return [self.names[owner] for owner in list(owners)[:CANDIDATES]]


def _part(still: np.ndarray, part: float, across: float, down: float) -> np.ndarray:
    height, width = (round(side * part) for side in still.shape)
    top, left = round((still.shape[0] - height) * down), round((still.shape[1] - width) * across)
    return still[top : top + height, left : left + width]


def _hash(picture: np.ndarray) -> np.ndarray:
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(low > np.median(low[1:]))
