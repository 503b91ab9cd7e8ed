"""How phones look: a kernel from labelled speech to tracked expression, by ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .basis import Basis, lip_gap
from .expression import REACH, Looks, express
from .phones import CLASSES, INDEX
from .train_basis import displacement
from .train_clips import Clip, mirrored
from .voice import Listener

RIDGE = 5.0
_WIDE, _SHUT = ("h", "eh", "ae", "a"), ("p", "m", "f")
_SPACING, _BUMPS = 3, 7  # ticks between the kernel's bumps, and how many
_BUMP = np.array([1, 2, 3, 2, 1]) / 9


@dataclass(frozen=True)
class Spoken:
    """A clip with its phones: probabilities (ticks, classes) of labels or of a network."""

    clip: Clip
    phones: np.ndarray


def delay(spoken: Spoken) -> float:
    """Seconds by which the sound of a clip comes later than its lips: the shift at which open sounds open most."""
    gap = lip_gap(spoken.clip.head).mean(1)

    def mean_gap(share: np.ndarray, lag: float) -> float:
        weight = _at(share, times(spoken.clip) + lag)
        return float((weight * gap).sum() / (weight.sum() + 1e-9))

    wide, shut = (spoken.phones[:, [INDEX[name] for name in names]].sum(1) for names in (_WIDE, _SHUT))
    lags = np.arange(-0.16, 0.161, 0.02)
    scores = [(mean_gap(wide, lag) - mean_gap(shut, lag)) * np.exp(-((lag / 0.25) ** 2)) for lag in lags]
    return float(lags[int(np.argmax(scores))])


def times(clip: Clip) -> np.ndarray:
    return np.arange(len(clip.head)) / clip.fps


def _at(track: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Rows of a track at 100 ticks a second, nearest tick."""
    return track[np.round(seconds * 100).astype(int).clip(0, len(track) - 1)]


def _features(phones: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Phones seen through the kernel's bumps: (T, bumps × (classes - 1)); silence is the reference."""
    sounding = phones[:, 1:]
    smooth = np.stack([np.convolve(column, _BUMP, "same") for column in sounding.T], 1)
    offsets = (np.arange(_BUMPS) - _BUMPS // 2) * _SPACING / 100
    return np.concatenate([_at(smooth, seconds + offset) for offset in offsets], 1)


def learn_looks(basis: Basis, spoken: Sequence[Spoken]) -> Looks:
    """Kernel and posture. Everybody's movements are brought to one size, and everybody keeps a posture of their own."""
    symmetric = basis.coefficients((basis.components + mirrored(basis.components)) / 2)
    targets = [basis.coefficients(displacement(one.clip)) @ symmetric for one in spoken]
    sizes = [np.sqrt((target - target.mean(0)).var(0)[: basis.lower].sum()) for target in targets]
    size = np.average(sizes, weights=[len(target) for target in targets])
    rows, values = [], []
    for number, (one, target, own) in enumerate(zip(spoken, targets, sizes, strict=True)):
        person = np.zeros((len(target), len(spoken)))
        person[:, number] = 1
        features = _features(one.phones, times(one.clip) + delay(one))
        scale = np.sqrt(30 / one.clip.fps)
        rows.append(np.c_[features, person] * scale)
        values.append(target * (size / own) * scale)
    x, y = np.concatenate(rows), np.concatenate(values)
    penalty = np.full(x.shape[1], RIDGE)
    penalty[-len(spoken) :] = 0.1
    fitted = np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)
    bumps = fitted[: -len(spoken)].reshape(_BUMPS, len(CLASSES) - 1, -1)
    kernel = np.zeros((2 * REACH + 1, len(CLASSES), y.shape[1]))
    for number, bump in enumerate(bumps):
        centre = REACH + (number - _BUMPS // 2) * _SPACING
        for offset, share in enumerate(_BUMP):
            kernel[centre + offset - 2, 1:] += share * bump
    posture = np.average(fitted[-len(spoken) :], axis=0, weights=[np.sqrt(len(target)) for target in targets])
    return Looks(kernel.astype(np.float32), posture.astype(np.float32))


def calibrate(basis: Basis, looks: Looks, listener: Listener, clips: Sequence[Clip]) -> Looks:
    """Looks whose lips move as much as those of the clips: a mean over doubtful phones moves too little."""
    wanted = _mean_spread([lip_gap(clip.head).mean(1) for clip in clips])
    heard = [list(listener.stream([clip.samples])) for clip in clips]

    def spread(gain: float) -> float:
        stronger = replace(looks, kernel=looks.kernel * np.float32(gain))
        openings = []
        for one in heard:
            ticks = list(express(stronger, iter(one)))
            gap = lip_gap(basis.shape(np.concatenate([tick.coefficients for tick in ticks]))).mean(1)
            openings.append(np.maximum(gap, 0) * (1 - np.concatenate([tick.closure for tick in ticks])))
        return _mean_spread(openings)

    gains = np.linspace(1.0, 2.5, 16)
    best = gains[int(np.argmin([abs(spread(gain) - wanted) for gain in gains]))]
    return replace(looks, kernel=looks.kernel * np.float32(best))


def _mean_spread(tracks: Sequence[np.ndarray]) -> float:
    return float(np.average([track.std() for track in tracks], weights=[np.sqrt(len(track)) for track in tracks]))
