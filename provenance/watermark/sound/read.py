"""Reading the sound's mark: which record id, and how sure."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ....core.errors import InputError
from ....core.media import AudioReader
from .. import code
from ..key import known_keys
from ..payload import CHECK_BITS, from_bits
from ..read import CANDIDATES, THRESHOLD, MarkReading
from .cells import SLOT, SLOTS, Cells, cells
from .search import OFFSETS, RATE, Alignment, Listener, align, families, refined

PARTS = 3  # of a long sound are listened to: its beginning, its middle, its end
LONGEST = 12.0  # seconds of a part: a longer one would ask for a finer search of speed
SHORTEST = SLOT * SLOTS  # seconds: one period
BEST = 2  # alignments of a family that are decoded


def read_sound_mark(source: str | Path | np.ndarray, *, key: bytes | None = None) -> MarkReading:
    """Look for a mark in sound, as it was or played up to a tenth faster, slower, higher or lower.

    Args:
        source: path of a media file, or mono samples (n,) at 16,000 per second.
        key: of the mark; None tries `known_keys()`: the current one, the retired ones, the public one.

    Returns:
        A reading whose `p_value` bounds the probability that sound without this mark reads like this one, at any of
        the parts, keys, offsets, speeds and pitches tried. Its details: pilot_z, pilot_p (without the check), seconds
        listened to and, where found, start (of the part, in seconds), speed and pitch.

    Raises:
        InputError: unreadable, empty, no_audio.
    """
    keys = [key] if key is not None else known_keys()
    parts = _parts(source)
    seconds = sum(len(samples) for _, samples in parts) / RATE
    best = MarkReading(False, None, 1.0, {"seconds": round(seconds, 2)})
    for start, samples in parts:
        if len(samples) < SHORTEST * RATE or not samples.any():
            continue
        listener = Listener(samples)
        for each in keys:
            reading = _read(listener, each, len(keys) * len(parts))
            if reading.found or reading.p_value < best.p_value:
                details = {**best.details, **reading.details, **({"start": start} if reading.found else {})}
                best = MarkReading(reading.found, reading.record_id, reading.p_value, details)
            if best.found:
                return best
    return best


def _parts(source: str | Path | np.ndarray) -> list[tuple[float, np.ndarray]]:
    """(start in seconds, samples at RATE), spread over the sound."""
    if isinstance(source, np.ndarray):
        last = len(source) / RATE - LONGEST
        return [(start, source[round(start * RATE) :][: round(LONGEST * RATE)]) for start in _starts(last)]
    info = AudioReader(source, rate=RATE).info
    parts = []
    for start in _starts((info.seconds or 0) - LONGEST):
        try:
            reader = AudioReader(source, rate=RATE, chunk=1 << 16, start=start, seconds=LONGEST)
            parts.append((start, np.concatenate(list(reader))))
        except InputError as error:
            if error.code != "too_short":  # the file is shorter than it says
                raise
    return parts


def _starts(last: float) -> list[float]:
    return [0.0] if last <= 0 else sorted({0.0, *(last * k / (PARTS - 1) for k in range(1, PARTS))})


def _read(listener: Listener, key: bytes, chances: int) -> MarkReading:
    known, tried = cells(key), families()
    seen, best = 0, MarkReading(False, None, 1.0)
    for family in tried:
        found = sorted((align(listener, known, *each) for each in family), key=lambda place: -place.z)[:BEST]
        finer = refined(found[0])
        seen += (len(family) + len(finer)) * OFFSETS
        found = sorted([*found, *(align(listener, known, *each) for each in finer)], key=lambda place: -place.z)
        for place in found[:BEST]:
            # Every family may raise a false alarm, so each is charged for all of them, and for all tried before.
            pilot_p = min(1.0, chances * len(tried) * seen * math.exp(-(place.z**2) / 2))
            record_id = _decode(place, known, key)
            p = pilot_p * CANDIDATES / 2**CHECK_BITS if record_id else pilot_p
            details = {"pilot_z": round(place.z, 2), "pilot_p": pilot_p}
            if record_id and p <= THRESHOLD:
                where = {"speed": round(place.speed, 4), "pitch": round(place.pitch, 4)}
                return MarkReading(True, record_id, p, {**details, **where})
            if pilot_p <= best.p_value:
                best = MarkReading(False, None, pilot_p, details)
    return best


def _decode(place: Alignment, known: Cells, key: bytes) -> str | None:
    """The record id, if the check of a likely message holds."""
    for message in code.decode(known.demodulate(place.cells), candidates=CANDIDATES):
        if record_id := from_bits(message, key):
            return record_id
    return None
