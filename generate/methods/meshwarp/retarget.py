"""A driving video → face motion: what its face does against its own rest, done by the portrait from its own.

The driver's rest is taken from the first seconds of every shot: the frames whose lips are closest to shut, the usual
opening of the eyes, the usual pose. Smoothing looks as far ahead as back, so that nothing lags behind the sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, groupby, islice, tee

import numpy as np

from ....core.errors import InputError
from ....core.faces import TrackedFrame, smooth, topology, track
from .basis import Basis, lip_gap, smoothstep
from .lips import LipFit
from .motion import FaceMotion
from .observe import Observed, observe, pose_change
from .speech import BLOCK, Controls

_OPENING = 4.0  # seconds from which the driver's rest is taken
_MARGIN = 12  # frames that a block sees beyond its ends
_LOST = 0.4  # seconds after which a face that is gone is let go
_LIMIT = np.array([0.5, 0.4, 0.5, 0.5, 0.5, 0.3])  # pose that one photo bears; reached softly
_SHUT, _OPEN = 0.2, 0.8  # of the usual opening: an eye that is shut, one that does not blink


def video_motion(
    frames: Iterable[np.ndarray],
    *,
    fps: float,
    basis: Basis,
    neutral: np.ndarray | None = None,
    controls: Controls | None = None,
) -> Iterator[FaceMotion]:
    """Blocks of motion, one row for every frame.

    Args:
        frames: RGB chunks uint8 (T, H, W, 3) of the driving video.
        fps: frames a second.
        basis: expressions that a driver can have; what lies outside is the tracker's noise.
        neutral: (478, 3) landmarks of the portrait in head units; the mean face if None.
        controls: factors on head motion, blinks, gaze and mouth; an emotion is added.

    Raises:
        InputError: `no_face` if the video shows none.
    """
    controls, found = controls or Controls(), False
    fit = LipFit(topology.MEAN_FACE if neutral is None else neutral)
    counted, tracked = tee(track(frames, fps=fps))
    numbered = zip(accumulate(frame.cut for frame in counted), tracked, strict=True)
    for _, shot in groupby(numbered, key=lambda pair: int(pair[0])):
        rows = _follow(frame for _, frame in shot)
        opening = list(islice(rows, round(_OPENING * fps)))
        seen = [landmarks for landmarks, lost in opening if not lost]
        if not seen:
            yield FaceMotion.rest(len(opening) + sum(1 for _ in rows))
            continue
        found = True
        rest = _Rest.of(observe(np.stack(seen)))
        for rows_around, inside in _windows(chain(opening, rows)):
            yield _block(rows_around, inside, fps, basis, rest, fit, controls)
    if not found:
        raise InputError("no_face", "no face was found in the driving video", "Give a video that shows a face.")


@dataclass(frozen=True)
class _Rest:
    """A driver at rest."""

    head: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    scale: float
    eyes: np.ndarray
    gaze: np.ndarray

    @classmethod
    def of(cls, seen: Observed) -> _Rest:
        gap = lip_gap(seen.head).mean(1)
        head = np.median(seen.head[gap <= max(float(np.quantile(gap, 0.1)), 0.012)], axis=0)
        place = int(np.argmin(((seen.translation - np.median(seen.translation, 0)) ** 2).sum(1)))
        usual = np.median(seen.rotation, axis=0)
        u, _, vt = np.linalg.svd(usual)
        return cls(
            head,
            u @ vt,
            seen.translation[place],
            float(np.median(seen.scale)),
            np.median(seen.eyes, axis=0),
            np.median(seen.gaze, axis=0),
        )


_Row = tuple[np.ndarray, int]  # landmarks, frames since they were seen


def _follow(frames: Iterable[TrackedFrame]) -> Iterator[_Row]:
    """The face that a shot begins with, held where it is lost; NaN before the first is seen."""
    chosen, last, lost = None, np.full((topology.POINTS, 3), np.nan, np.float32), 1
    for frame in frames:
        face = next((one for one in frame.faces if one.track == chosen), next(iter(frame.faces), None))
        lost = 0 if face else lost + 1
        if face:
            chosen, last = face.track, face.face.landmarks
        yield last, lost


def _windows(rows: Iterator[_Row]) -> Iterator[tuple[list[_Row], slice]]:
    """Blocks of rows with a margin to either side, and where the block lies within."""
    before: list[_Row] = []
    ahead = list(islice(rows, BLOCK + _MARGIN))
    while ahead:
        count = min(BLOCK, len(ahead))
        yield before + ahead, slice(len(before), len(before) + count)
        before = (before + ahead[:count])[-_MARGIN:]
        ahead = ahead[count:] + list(islice(rows, BLOCK))


def _block(
    rows: list[_Row], inside: slice, fps: float, basis: Basis, rest: _Rest, fit: LipFit, controls: Controls
) -> FaceMotion:
    landmarks, lost = np.stack([row for row, _ in rows]), np.array([since for _, since in rows], float)
    known = np.isfinite(landmarks[:, 0, 0])
    landmarks[~known] = landmarks[known][0] if known.any() else 0.0
    if not known.any():
        return FaceMotion.rest(inside.stop - inside.start)
    seen = observe(landmarks)
    hold = smooth(known * (1 - smoothstep(_LOST * fps, 2 * _LOST * fps, lost)), fps, seconds=0.3)[:, None]

    coefficients = smooth(basis.coefficients(seen.head - rest.head), fps) * hold
    coefficients[:, : basis.lower] *= controls.mouth
    shape = basis.shape(coefficients)
    opening = np.maximum(lip_gap(shape), 0.0)
    widest = opening.mean(1)
    talking = np.array([widest[max(i - _MARGIN, 0) : i + _MARGIN + 1].max() for i in range(len(widest))])
    activity = np.clip(smooth(smoothstep(0.012, 0.04, talking), fps, seconds=0.3), 0, 1)
    closure = activity * (1 - smoothstep(0.003, 0.012, widest))
    if controls.emotion != "neutral":
        mood = controls.level * basis.emotions[controls.emotion]
        shape, opening = shape + mood, opening + np.maximum(lip_gap(mood), 0.0)

    pose = pose_change(seen, rest.rotation, rest.translation, rest.scale)
    pose = _LIMIT * np.tanh(smooth(pose, fps, seconds=0.3) * controls.head_motion / _LIMIT) * hold
    gaze = np.clip(smooth(seen.gaze - rest.gaze, fps) * controls.gaze, -0.5, 0.5) * hold
    blink = (1 - smoothstep(_SHUT, _OPEN, seen.eyes / rest.eyes)) * min(controls.blink, 1.0) * hold
    both = blink.mean(1, keepdims=True)
    blink = np.where(np.abs(blink[:, :1] - blink[:, 1:]) < 0.6, both, blink)  # a wink, or the tracker's doubt
    parts = (fit(shape, opening, closure, activity), pose, gaze, blink)
    return FaceMotion(*(part[inside].astype(np.float32) for part in parts))
