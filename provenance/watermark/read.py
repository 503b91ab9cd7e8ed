"""Reading the mark: which record id, and how sure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import code
from .bend import straighten
from .carriers import Carriers, carriers
from .frames import Source, bursts
from .geometry import STAGES, Placement, correlate, describe, search, stages, trials
from .key import known_keys
from .order import order
from .payload import CHECK_BITS, from_bits, to_bits
from .residual import Spectrum, whiten

THRESHOLD = 1e-6
CANDIDATES = 8  # messages held against their check
PIECE = 1.0  # seconds; the longest stretches whose place in the marked video is looked for
CHANCE = 2 * CANDIDATES / 2**CHECK_BITS  # that a check holds where there is no mark; two sets of values are decoded


@dataclass(frozen=True)
class MarkReading:
    """What was read.

    Attributes:
        found: a record id was read, and p_value is at most `THRESHOLD`.
        record_id: 16 hex digits; None unless found.
        p_value: upper bound on the probability that a picture or video without this mark reads like this one: a pilot
            score as high at any of the placements tried and, where the check holds, a check that holds by chance.
        details: pilot_z, pilot_p (without the check), frames, trials, and, where found, bits_corrected (of
            `coded_bits`), order (see `order.order`), flipped, turned and rotation (degrees clockwise), scale (of a
            tile, against the picture's short side; 4/3 after a crop to three quarters), shift (px).
    """

    found: bool
    record_id: str | None
    p_value: float
    details: dict[str, Any] = field(default_factory=dict)


def read_mark(source: Source, *, key: bytes | None = None, max_frames: int = 250) -> MarkReading:
    """Look for a mark.

    Args:
        source: path of a video or picture, or an iterable of frames, uint8 RGB (T, H, W, 3).
        key: of the mark; None tries `known_keys()`: the current one, the retired ones, the public one.
        max_frames: how many frames of a file to use, spread over it. Chunks are all used.

    Raises:
        InputError: unreadable, empty, too_large, no_video.
    """
    keys = [key] if key is not None else known_keys()
    received = receive(source, max_frames)
    best = MarkReading(False, None, 1.0, {"frames": received.frames})
    if received.spectrum is None:
        return best
    for each in keys:
        reading = _read(received, each, len(keys))
        if reading.found or reading.p_value <= best.p_value:
            details = {"frames": received.frames, **reading.details}
            best = MarkReading(reading.found, reading.record_id, reading.p_value, details)
        if best.found:
            break
    return best


@dataclass
class Received:
    """What a source says, before any key is asked for.

    Attributes:
        spectrum: of the weighted sum of all residuals; None of an even picture.
        short_side: of the picture as read, px.
        frames: how many were used.
        pieces: start and end, seconds, and residual float16 (H, W), of stretches of up to `PIECE` seconds;
            none where frames have no times.
    """

    spectrum: Spectrum | None = None
    short_side: int = 0
    frames: int = 0
    pieces: list[tuple[float, float, np.ndarray]] = field(default_factory=list)


def receive(source: Source, most: int) -> Received:
    """Up to about `most` frames of a source."""
    received, total = Received(), np.zeros(0, np.float32)
    piece: tuple[float, float, np.ndarray] | None = None
    for burst in bursts(source, most):
        if min(burst.luma.shape) < 32 or (total.size and burst.luma.shape != total.shape):
            continue  # the size changed on the way: what came first counts
        residual = whiten(burst.luma)
        total = total + residual * burst.weight if total.size else residual * burst.weight
        received.frames += burst.frames
        if math.isnan(burst.start):
            continue
        if piece and (burst.end - piece[0] > PIECE or burst.start - piece[1] > PIECE / 2):
            received.pieces.append((piece[0], min(burst.start, piece[0] + PIECE), piece[2].astype(np.float16)))
            piece = None
        piece = (piece[0], burst.end, piece[2] + residual) if piece else (burst.start, burst.end, residual)
    if piece:
        received.pieces.append((*piece[:2], piece[2].astype(np.float16)))
    if total.any():
        received.spectrum, received.short_side = Spectrum(total), min(total.shape)
    return received


def _read(received: Received, key: bytes, keys: int) -> MarkReading:
    known, spectrum, short_side = carriers(key), received.spectrum, received.short_side
    assert spectrum is not None
    seen, best, decoded = 0, MarkReading(False, None, 1.0), 0.0
    for tried in stages(spectrum, short_side):
        placement = search(spectrum, known, tried)
        seen += trials(len(tried))
        # Every stage may raise a false alarm, so each is charged for all of them, and for all that was tried before.
        pilot_p = min(1.0, keys * STAGES * seen * math.exp(-(placement.z**2) / 2))
        details = {"pilot_z": round(placement.z, 2), "pilot_p": pilot_p, "trials": seen}
        if pilot_p * CHANCE <= THRESHOLD and placement.refined > decoded + 0.3:  # the same place again gives nothing
            decoded = placement.refined
            for values in _values(spectrum, known, placement):
                record_id, wrong = _decode(known, values, key)
                if record_id:
                    details |= {
                        "bits_corrected": wrong,
                        "coded_bits": len(known.slots),
                        "order": order(received.pieces, placement, key),
                        **describe(placement, spectrum, short_side),
                    }
                    return MarkReading(True, record_id, pilot_p * CHANCE, details)
        if pilot_p <= best.p_value:
            best = MarkReading(False, None, pilot_p, details)
    return best


def _values(spectrum: Spectrum, known: Carriers, placement: Placement) -> Iterator[np.ndarray]:
    """Data carriers as received, complex (d,): with even tiles, and straightened; the surer count more."""
    points = np.concatenate([known.pilots, known.data])
    values = correlate(spectrum, placement.matrix[None], points)[0]
    even = values * np.exp(2j * np.pi * points @ placement.shift)
    for values in (even, straighten(spectrum, known, placement)):
        yield values[len(known.pilots) :] * _trust(known, values[: len(known.pilots)])


def _trust(known: Carriers, pilots: np.ndarray) -> np.ndarray:
    """How much of a data carrier (d,) can be believed, by how well the pilots came through at its fineness."""
    through = (pilots * known.pilot_phases.conj()).real
    slope, level = np.polyfit(np.hypot(*known.pilots.T), through, 1)
    return np.clip(level + slope * np.hypot(*known.data.T), 0.05, None)


def _decode(known: Carriers, values: np.ndarray, key: bytes) -> tuple[str | None, int]:
    """The record id, if the check of a likely message holds, and how many received signs were wrong."""
    for message in code.decode(known.demodulate(values), candidates=CANDIDATES):
        if record_id := from_bits(message, key):
            sent = known.modulate(to_bits(record_id, key))[1][len(known.pilots) :] * known.data_phases.conj()
            received = values * known.data_phases.conj()
            wrong = np.sum(sent.real * received.real < 0) + np.sum(sent.imag * received.imag < 0)
            return record_id, int(wrong)
    return None, 0
