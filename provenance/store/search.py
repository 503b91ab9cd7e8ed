"""Which rows may show a picture: 64-bit hashes of a few stills, all compared at once, then the fingerprints.

A hash is the sign of the low frequencies of a small grey picture against their median (Zauner, "Implementation and
benchmarking of perceptual image hash functions", 2010). It changes little with size, compression and brightness; rows
also keep the hashes of crops, and a question is asked mirrored too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
CANDIDATES = 8  # rows whose fingerprints are compared, at a tenth of a second for most
_HASH = 8  # bytes


def looks_of(data: bytes) -> bytes:
    """The hashes of a stored fingerprint, none if it cannot be read."""
    try:
        return looks(Fingerprint.from_bytes(data)).tobytes()
    except InputError:
        return b""


def looks(asked: Fingerprint, views: Iterable[tuple[float, float, float]] = VIEWS) -> np.ndarray:
    """Hashes, uint8 (n, 8), of parts of evenly spread stills."""
    return np.stack([_hash(_part(still, *view)) for still in _moments(asked).stills for view in views])


def matches(
    asked: Fingerprint, near: Mapping[str, int], entries: Iterable[Entry], limit: int
) -> list[tuple[Entry, float]]:
    """Those entries whose fingerprint matches, the most similar first.

    Args:
        near: what `Looks.nearest` said. The moment it names is compared first, for most strangers fail there already.
    """
    found = []
    for entry in entries:
        try:
            stored = Fingerprint.from_bytes(entry.fingerprint)
        except InputError:  # changed after its hashes were taken
            continue
        first = Fingerprint(0, (_moments(asked).stills[near[entry.manifest_sha256]],))
        if fingerprint.similarity(_moments(stored), first) < fingerprint.MATCH:
            continue
        if (score := fingerprint.similarity(stored, asked)) >= fingerprint.MATCH:
            found.append((entry, score))
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

    def nearest(self, asked: Fingerprint) -> dict[str, int]:
        """manifest_sha256 of the rows that may match, the nearest first, and at which of the moments asked for."""
        if not len(self.hashes):
            return {}
        mirrored = Fingerprint(asked.interval, tuple(np.ascontiguousarray(still[:, ::-1]) for still in asked.stills))
        wanted = np.concatenate([looks(asked, [WHOLE]), looks(mirrored, [WHOLE])])
        most = min(len(self.hashes), CANDIDATES * len(VIEWS) * MOMENTS)
        compared = cv2.batchDistance(wanted, self.hashes, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=most)
        distances, places = np.ravel(compared[0]), np.ravel(compared[1])  # the `most` nearest of each still
        owners = self.owners[places.astype(int)]
        moments = len(wanted) // 2
        rows: dict[str, int] = {}
        for index in np.argsort(distances, kind="stable"):
            if distances[index] > NEAR or len(rows) == CANDIDATES:
                break
            rows.setdefault(self.names[int(owners[index])], int(index) // most % moments)
        return rows


def _moments(asked: Fingerprint) -> Fingerprint:
    """A few evenly spread stills of a fingerprint."""
    picks = np.unique(np.linspace(0, len(asked.stills) - 1, MOMENTS).round().astype(int))
    return Fingerprint(asked.interval, tuple(asked.stills[pick] for pick in picks))


def _part(still: np.ndarray, part: float, across: float, down: float) -> np.ndarray:
    height, width = (round(side * part) for side in still.shape)
    top, left = round((still.shape[0] - height) * down), round((still.shape[1] - width) * across)
    return still[top : top + height, left : left + width]


def _hash(picture: np.ndarray) -> np.ndarray:
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(low > np.median(low[1:]))
