"""A robust hash of sound: what tells whether a recovered video still speaks with the sound it was sealed with.

32 bits for every 32 ms: the signs of energy differences between neighbouring bands of 300 to 2000 Hz, against those of
the moment before (Haitsma and Kalker, "A highly robust audio fingerprinting system", 2002). Loudness, compression,
resampling and noise leave most bits as they are; other words, another voice, another speed do not.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..core.media import AudioReader

SAME = 0.68  # share of equal bits; unrelated sound has about a half, see docs/explanation/provenance.md
LONGEST = 600.0  # seconds that are hashed
RATE, WINDOW, HOP = 8000, 3072, 256  # of the analysis, samples
_EDGES = np.geomspace(300, 2000, 34) * WINDOW / RATE  # of 33 bands, in bins
_SILENCE = 1e-6  # mean square, -60 dB of full scale
_PROBE = 128  # codes that are looked for at a time, about 4 s
_PROBES = 5
_ENOUGH = 24  # codes that are not silence, for a probe to count


def measure(path: str | Path) -> np.ndarray:
    """The codes of a file's sound, uint32 (n,), 0 where it is silent; streaming.

    Raises:
        InputError: what `AudioReader` says of a file without sound.
    """
    codes, rest, last = [np.empty(0, np.uint32)], np.empty(0, np.float32), np.zeros(33)
    for samples in AudioReader(path, rate=RATE, chunk=4 * RATE, seconds=LONGEST):
        rest = np.concatenate([rest, samples])
        if len(rest) >= WINDOW:
            frames = np.lib.stride_tricks.sliding_window_view(rest, WINDOW)[::HOP]
            rest = rest[len(frames) * HOP :]
            fresh, last = _codes(frames, last)
            codes.append(fresh)
    return np.concatenate(codes)


def agreement(stored: np.ndarray, other: np.ndarray) -> float | None:
    """The share of bits that two sounds have in common at their best alignment: 1 the same, about 0.6 unrelated.

    The median over some seconds of the one looked for in the other; whichever way round is better, for either may be
    an excerpt. None if there is too little sound to tell.
    """
    found = [share for pair in ((stored, other), (other, stored)) if (share := _found(*pair)) is not None]
    cut = len(stored) * HOP >= (LONGEST - 1) * RATE  # what came later was not hashed
    if not found or (cut and max(found) < SAME and len(other) < len(stored)):
        return None
    return max(found)


def _codes(frames: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint32 (n,) of windows (n, WINDOW), and the band energies of the last one."""
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
    edges = _EDGES.round().astype(int)
    bands = np.add.reduceat(spectrum[:, : edges[-1]], edges[:-1], axis=1)
    slopes = -np.diff(np.vstack([last, bands]), axis=1)
    bits = np.diff(slopes, axis=0) > 0
    codes = np.packbits(bits, axis=1).view(">u4")[:, 0].astype(np.uint32)
    return np.where((frames**2).mean(1) < _SILENCE, 0, codes).astype(np.uint32), bands[-1]


def _found(asked: np.ndarray, where: np.ndarray) -> float | None:
    """The median share of equal bits of probes of `asked` at their best place in `where`."""
    starts = np.unique(np.linspace(0, max(0, len(asked) - _PROBE), _PROBES).round().astype(int))
    probes = [asked[start : start + _PROBE] for start in starts]
    probes = [probe for probe in probes if np.count_nonzero(probe) >= _ENOUGH]
    if not probes or np.count_nonzero(where) < _ENOUGH:
        return None
    stream = _signs(np.pad(where, _PROBE // 2))
    return float(np.median([_best(probe, stream) for probe in probes]))


def _best(probe: np.ndarray, stream: np.ndarray) -> float:
    signs = _signs(probe)
    correlation = cv2.matchTemplate(stream, signs, cv2.TM_CCORR).max()
    return float(1 + correlation / np.count_nonzero(signs)) / 2


def _signs(codes: np.ndarray) -> np.ndarray:
    """float32 (n, 32): ±1 for each bit, 0 for silence."""
    bits = np.unpackbits(codes.astype(">u4").view(np.uint8).reshape(-1, 4), axis=1)
    return np.where(codes[:, None] == 0, 0, 2.0 * bits - 1).astype(np.float32)
