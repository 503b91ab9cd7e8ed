"""How often the reader finds what is not there.

A reading of one picture under many keys that nobody used is as many draws of the phases that a false alarm depends on:
the p-value's bound holds over them, and so does the count here. Every such reading goes through the whole search.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.media import read_image
from ....core.progress import Progress, Report, silent
from ..embed import VideoMarker
from ..geometry import STAGES
from ..key import PUBLIC_KEY
from ..payload import ID_BITS
from ..read import CHANCE, THRESHOLD, MarkReading, _read, receive

SYNTHETIC = 8


def count(files: Sequence[Path], *, readings: int = 10_000, progress: Report = silent) -> dict[str, Any]:
    """Read files that carry no mark, synthetic pictures, and pictures marked with other keys.

    Args:
        files: videos and pictures without a mark.
        readings: how many in all; every source is read under as many keys as this takes, the public one among them.
        progress: is told the number of readings.

    Returns:
        found, readings, files, synthetic, marked_by_others, unreadable, smallest_p, z (quantiles of the best pilot
        score), gumbel (location, scale), needed_z, fitted_rate: that of the fitted distribution to reach the score from
        which a message is looked for at all, times the chance that its check then holds.
    """
    smallest, found, scores, counts, seen = 1.0, 0, [], {"files": 0, "synthetic": 0, "marked_by_others": 0}, 0
    sources, unreadable = list(_sources(files)), 0
    needed = 0.0
    for index, (kind, source) in enumerate(sources):
        try:
            received = receive(source, 60)
        except InputError:
            unreadable += 1
            continue
        counts[kind] += 1
        if received.spectrum is None:
            continue
        for number in range(max(1, round((readings - seen) / (len(sources) - index)))):
            key = hashlib.sha256(f"{index} {number}".encode()).digest() if number else PUBLIC_KEY
            reading: MarkReading = _read(received, key, 1)
            smallest, seen = min(smallest, reading.p_value), seen + 1
            found += reading.found
            scores.append(reading.details["pilot_z"])
            needed = max(needed, _needed(reading.details["trials"]))
            progress(Progress("unmarked", seen, readings, "readings"))
    z = np.array(scores)
    scale = float(np.std(z) * math.sqrt(6) / math.pi)  # by moments
    location = float(np.mean(z) - 0.5772156649 * scale)
    return {
        "found": int(found),
        "readings": seen,
        **counts,
        "unreadable": unreadable,
        "smallest_p": smallest,
        "z": {str(share): float(np.quantile(z, share)) for share in (0.5, 0.9, 0.99, 0.999, 1.0)},
        "gumbel": {"location": location, "scale": scale},
        "needed_z": needed,
        "fitted_rate": -math.expm1(-math.exp(-(needed - location) / scale)) * CHANCE * STAGES,
    }


def _needed(trials: int) -> float:
    """The pilot score from which a message is looked for."""
    return math.sqrt(2 * math.log(STAGES * trials * CHANCE / THRESHOLD))


def _sources(files: Sequence[Path]) -> Iterator[tuple[str, Any]]:
    yield from (("files", path) for path in files)
    draw = np.random.default_rng(1)
    for number in range(SYNTHETIC):
        yield "synthetic", [_noise(draw, number)]
    stills = []
    for path in files:
        if len(stills) == 4:
            break
        try:
            stills.append(read_image(path))
        except InputError:
            continue
    for number, still in enumerate(stills or [_noise(draw, 1)[0]]):
        height, width = still.shape[:2]
        others = b"the mark of somebody else %d" % number
        marker = VideoMarker(f"{number:0{ID_BITS // 4}x}", width=width, height=height, fps=25.0, key=others)
        yield "marked_by_others", [marker.mark(still[None], 0)]


def _noise(draw: np.random.Generator, number: int) -> np.ndarray:
    """A picture of noise, one frame: white, coarse by turns, and repeating in tiles like the mark itself."""
    size = 512 >> number % 4 if number % 2 else 128
    noise = draw.integers(0, 255, (size, size, 3), np.uint8)
    repeats = 512 // size
    if number % 2 == 0:
        return np.tile(noise, (repeats, repeats, 1))[None]
    return noise.repeat(repeats, 0).repeat(repeats, 1)[None]
