"""What the API asks the store: manifests by the value of a soft binding, or by a file's watermark and looks."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

from ..core.errors import FacewrightError, InputError, UsageError
from ..core.media import probe
from ..provenance import Store, fingerprint, softbinding
from ..provenance.fingerprint import MATCH, Fingerprint
from ..provenance.jumbf import active_label
from ..provenance.store import Entry
from ..provenance.watermark import read_mark

LONGEST = 3600.0  # seconds of a video that is looked into
STEP = 10  # scores are told in such steps only: fine ones would help to find out how to lose a match

Matches = list[tuple[str, int | None]]
"""Identifier of a manifest, and how well it matches, 0 to 100, where that can be said."""


def by_binding(store: Store, algorithm: str, value: str, limit: int) -> Matches:
    """Manifests whose watermark carries a value.

    Args:
        value: base64 of the value, as the soft-binding assertion has it.

    Raises:
        UsageError: "usage" for another algorithm than ours, or a value that is none of its values.
    """
    return _told(((entry, None) for entry in store.all_of(_record_id(algorithm, value))), limit)


def by_content(
    store: Store, path: Path, limit: int, *, hint: tuple[str, str] | None = None, key: bytes | None = None
) -> Matches:
    """Manifests of a video: by its watermark, by the hint if it carries none, else by what it looks like.

    A mark can be copied and a hint made up, so a manifest is told only if its fingerprint matches the file.

    Args:
        hint: algorithm and value of a soft binding, as for `by_binding`.
        key: of the watermark; default as for `read_mark`.

    Raises:
        InputError: the file is no video, or "too_large" if it is longer than `LONGEST`.
        UsageError: "usage" for a hint that cannot be.
    """
    ids = [_record_id(*hint)] if hint else []
    if probe(path).seconds > LONGEST:
        raise InputError("too_large", "The video is too long to be looked into here.")
    asked = fingerprint.measure(path)
    reading = read_mark(path, key=key)
    ids = [reading.record_id, *ids] if reading.found and reading.record_id else ids
    for record_id in dict.fromkeys(ids):
        found = [(entry, score) for entry in store.all_of(record_id) if (score := _score(entry, asked)) >= MATCH]
        if found:
            return _told(found, limit)
    return _told(store.by_content(asked, limit), limit)


def _record_id(algorithm: str, value: str) -> str:
    if algorithm not in softbinding.ALGORITHMS:
        raise UsageError("usage", f"This service knows the algorithms {' and '.join(softbinding.ALGORITHMS)} only.")
    try:
        record_id = base64.b64decode(value, validate=True).decode("ascii")
        if len(record_id) == 16 and not set(record_id) - set("0123456789abcdef"):
            return record_id
    except ValueError:
        pass
    raise UsageError("usage", "The value is not base64 of 16 hex digits.")


def _score(entry: Entry, asked: Fingerprint) -> float:
    try:
        return fingerprint.similarity(Fingerprint.from_bytes(entry.fingerprint), asked)
    except FacewrightError:  # a damaged row is no match
        return 0.0


def _told(found: Iterable[tuple[Entry, float | None]], limit: int) -> Matches:
    matches: Matches = []
    for entry, score in found:
        if (label := active_label(entry.manifest)) and len(matches) < limit:
            matches.append((label, None if score is None else round(100 * min(score, 1.0) / STEP) * STEP))
    return matches
