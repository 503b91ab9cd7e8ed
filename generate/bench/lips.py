"""Do lips say what the voice says? Lip distance against the phones of a recogniser that drove nothing.

Phones come from pocketsphinx in its allphone mode. A segment's lip distance is that of the inner lips at the middle of
the segment, over the distance of the outer eye corners. AUC: chance that an open vowel (AA AE AO AW AY) shows a larger
distance than a p, b or m; at the best lag within ± 2 frames, and with the sound shifted by half a second or more (again
at the best lag, mean over shifts).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import AssetError

CLOSED, OPEN = frozenset({"P", "B", "M"}), frozenset({"AA", "AE", "AO", "AW", "AY"})
LAGS, SHIFTS = range(-2, 3), (-1.5, -1.0, -0.75, -0.5, 0.5, 0.75, 1.0, 1.5)
LEAST = 3  # segments of either kind, below which a clip says nothing
RATE = 16000

Phone = tuple[str, float, float]  # name, start and end in seconds


@dataclass(frozen=True)
class LipSync:
    """Figures of one clip; nan where too few phones were heard.

    Attributes:
        auc: of open vowels against p, b, m, at the best lag.
        lag: of the video, in frames.
        shifted: the same with the sound elsewhere.
        loudness: correlation of lip distance with log energy.
        closed, open: segments that were judged.
    """

    auc: float
    lag: int
    shifted: float
    loudness: float
    closed: int
    open: int


def phones(samples: np.ndarray) -> list[Phone]:
    """Phones of mono float32 sound at 16 kHz.

    Raises:
        AssetError: "pocketsphinx_missing".
    """
    try:
        import pocketsphinx
    except ImportError as error:
        hint = "Install facewright[train]."
        raise AssetError("pocketsphinx_missing", "judging lips needs a phone recogniser", hint) from error
    model = pocketsphinx.get_model_path("en-us")
    decoder = pocketsphinx.Decoder(
        hmm=f"{model}/en-us",
        allphone=f"{model}/en-us-phone.lm.bin",
        lm=None,
        dict=None,
        lw=2.0,
        beam=1e-20,
        pbeam=1e-20,
        loglevel="FATAL",
    )
    decoder.start_utt()
    decoder.process_raw((samples * 32767).clip(-32768, 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    return [(one.word, one.start_frame / 100, (one.end_frame + 1) / 100) for one in decoder.seg() or ()]


def auc(low: np.ndarray, high: np.ndarray) -> float:
    """Chance that one of `high` exceeds one of `low`, ties half."""
    above = (high[:, None] > low[None]).mean()
    return float(above + 0.5 * (high[:, None] == low[None]).mean())


def score(lips: np.ndarray, fps: float, heard: Sequence[Phone], shift: float = 0.0) -> tuple[float, int]:
    """AUC at the best lag, and that lag in frames; (nan, 0) where there is too little to judge.

    Args:
        lips: (T,) lip distance of each frame; frame i shows i / fps; NaN where no face was found.
        shift: seconds by which the sound is moved against the picture.
    """
    pairs = [(*(_distances(lips, fps, heard, kind, shift + lag / fps) for kind in (CLOSED, OPEN)), lag) for lag in LAGS]
    scores = [(auc(low, high), lag) for low, high, lag in pairs if min(len(low), len(high)) >= LEAST]
    return max(scores, default=(math.nan, 0), key=lambda found: (found[0], -abs(found[1])))


def judge(lips: np.ndarray, fps: float, samples: np.ndarray) -> LipSync:
    """Figures of one clip, `samples` float32 (n,) its sound at 16 kHz; see `score`."""
    heard = phones(samples)
    best, lag = score(lips, fps, heard)
    shifted = np.array([score(lips, fps, heard, shift)[0] for shift in SHIFTS])
    seen = np.isfinite(lips)
    at = (np.arange(len(lips))[seen] / fps * RATE).astype(int)
    power = [np.mean(samples[max(i - 400, 0) : i + 400] ** 2) if i < len(samples) else 0.0 for i in at]
    counts = [len(_distances(lips, fps, heard, kind, 0.0)) for kind in (CLOSED, OPEN)]
    return LipSync(
        auc=best,
        lag=lag,
        shifted=float(np.nanmean(shifted)) if np.isfinite(shifted).any() else math.nan,
        loudness=float(np.corrcoef(np.log(np.array(power) + 1e-9), lips[seen])[0, 1]),
        closed=counts[0],
        open=counts[1],
    )


def lip_distance(landmarks: np.ndarray) -> float:
    """Distance of the inner lips (13, 14) over that of the outer eye corners (33, 263), landmarks (478, 2 or 3)."""
    points = landmarks[:, :2]
    return float(np.linalg.norm(points[13] - points[14]) / np.linalg.norm(points[33] - points[263]))


def _distances(
    lips: np.ndarray, fps: float, heard: Sequence[Phone], names: frozenset[str], offset: float
) -> np.ndarray:
    seconds, seen = np.arange(len(lips)) / fps, np.isfinite(lips)
    middles = np.array([(start + end) / 2 + offset for name, start, end in heard if name in names])
    inside = (middles >= 0) & (middles <= seconds[-1]) if len(middles) else np.zeros(0, bool)
    return np.interp(middles[inside], seconds[seen], lips[seen]) if inside.any() else np.zeros(0)
