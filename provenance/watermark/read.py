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
from .payload import CHECK_BITS, from_bits, to_bits
from .residual import Spectrum, whiten

THRESHOLD = 1e-6
CANDIDATES = 8  # messages held against their check
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
            `coded_bits`), flipped, turned and rotation (degrees clockwise), scale (of a tile, against the picture's
            short side; 4/3 after a crop to three quarters), shift (px).
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
    spectrum, short_side, frames = _spectrum(source, max_frames)
    best = MarkReading(False, None, 1.0, {"frames": frames})
    if spectrum is None:
        return best
    for each in keys:
        reading = _read(spectrum, short_side, each, len(keys))
        if reading.found or reading.p_value <= best.p_value:
            best = MarkReading(reading.found, reading.record_id, reading.p_value, {"frames": frames, **reading.details})
        if best.found:
            break
    return best


def _spectrum(source: Source, most: int) -> tuple[Spectrum | None, int, int]:
    """Spectrum of the mean residual, short side of the picture, number of frames; no spectrum of an even picture."""
    total: np.ndarray | None = None
    frames = 0
    for mean, count, weight in bursts(source, most):
        if min(mean.shape) < 32 or (total is not None and mean.shape != total.shape):
            continue  # the size changed on the way: what came first counts
        residual = whiten(mean) * weight
        total = residual if total is None else total + residual
        frames += count
    if total is None or not total.any():
        return None, 0, frames
    return Spectrum(total), min(total.shape), frames


def _read(spectrum: Spectrum, short_side: int, key: bytes, keys: int) -> MarkReading:
    known = carriers(key)
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
    values = values * np.exp(2j * np.pi * points @ placement.shift)
    yield values[len(known.pilots) :] * _trust(known, values[: len(known.pilots)])
    yield straighten(spectrum, known, placement)[0]


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
