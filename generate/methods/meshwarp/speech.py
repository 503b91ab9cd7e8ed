"""A voice in, face motion out: phones, expression, lips fitted to the portrait, and a head that lives.

A chain of streams whose segments and blocks lie at fixed positions: the same sound gives the same motion, bit for
bit, however it arrives, and nothing grows with its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from ....core.faces import topology
from .basis import Basis, lip_gap, smoothstep
from .expression import Looks, express
from .head_motion import Blinks, Brows, Gaze, Head, HeadStatistics
from .lips import LipFit
from .motion import FaceMotion
from .voice import HOP, TICKS_PER_SECOND, Listener

BLOCK = 50  # frames that leave at once
_WIDEST = 0.15  # mean height of the opening, head units, that the mouth approaches
_SLACK = 0.015  # head units
_FADE_IN, _FADE_OUT = 100, 80  # ticks in which the head leaves its rest and returns to it
_HUSH = 15  # ticks in which the mouth leaves its rest where a voice begins at once, and returns where it is cut off


@dataclass(frozen=True)
class Controls:
    """What people may turn; the card says the same in words.

    Attributes:
        head_motion, blink, gaze, mouth: factors, 1 as learned.
        emotion: name in `Basis.emotions`, or "neutral".
        level: strength of the emotion, 0 to 1.
    """

    head_motion: float = 1.0
    blink: float = 1.0
    gaze: float = 1.0
    mouth: float = 1.0
    emotion: str = "neutral"
    level: float = 0.6


@dataclass(frozen=True)
class _Tracks:
    """Everything that moves, per tick."""

    coefficients: np.ndarray
    closure: np.ndarray
    activity: np.ndarray
    pose: np.ndarray
    gaze: np.ndarray
    blink: np.ndarray

    def __len__(self) -> int:
        return len(self.closure)

    def map(self, function) -> _Tracks:
        return _Tracks(*(function(getattr(self, field.name)) for field in fields(self)))

    def __add__(self, other: _Tracks) -> _Tracks:
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return _Tracks(*(np.concatenate(pair) for pair in pairs))


class SpeechMotion:
    """Motion from a voice.

    Args:
        listener: voice → phones.
        looks: phones → coefficients.
        basis: coefficients → landmarks.
        head: statistics of head motion.
    """

    def __init__(self, listener: Listener, looks: Looks, basis: Basis, head: HeadStatistics) -> None:
        self.listener, self.looks, self.basis, self.head = listener, looks, basis, head

    def stream(
        self,
        audio: Iterable[np.ndarray],
        *,
        fps: float = 25.0,
        seed: int = 0,
        controls: Controls | None = None,
        neutral: np.ndarray | None = None,
    ) -> Iterator[FaceMotion]:
        """Blocks of `BLOCK` frames (the last may be shorter), round(seconds × fps) in all; frame i shows i / fps.

        Args:
            audio: mono float32 chunks of any size at 16 kHz.
            neutral: (478, 3) landmarks of the portrait in head units; the mean face if None.
        """
        controls = controls or Controls()
        counted = _Counted(audio)
        tracks = _faded(self._tracks(counted, seed, controls))
        fit = LipFit(topology.MEAN_FACE if neutral is None else neutral)
        held, offset, frame, ended = next(tracks, None), 0, 0, False
        while held is not None:
            frames = _frames(counted.samples, fps) if ended else frame + BLOCK
            last = min(frame + BLOCK, frames)
            if not ended and (last + 1) / fps * TICKS_PER_SECOND + 2 > offset + len(held):
                if (more := next(tracks, None)) is None:
                    ended = True
                else:
                    held = held + more
                continue
            if last <= frame:
                return
            seconds = np.arange(frame, last) / fps
            yield self._block(held, seconds * TICKS_PER_SECOND - offset, fps, fit, controls)
            frame = last
            past = max(int(frame / fps * TICKS_PER_SECOND) - offset - 4, 0)
            held, offset = held.map(lambda track, past=past: track[past:]), offset + past

    def _tracks(self, audio: Iterable[np.ndarray], seed: int, controls: Controls) -> Iterator[tuple[_Tracks, bool]]:
        head, blinks = Head(self.head, seed), Blinks(seed, controls.blink)
        gaze, brows = Gaze(self.head, seed), Brows(seed)
        lift = self.basis.directions["brow"]
        for ticks in express(self.looks, self.listener.stream(audio)):
            pose = head.segment(ticks.activity) * controls.head_motion
            coefficients = ticks.coefficients + brows.segment(ticks.energy, ticks.activity)[:, None] * lift
            blink = blinks.segment(len(pose))
            looks = gaze.segment(pose, controls.gaze)
            yield (
                _Tracks(coefficients, ticks.closure, ticks.activity, pose, looks, np.stack([blink, blink], 1)),
                ticks.last,
            )

    def _block(self, tracks: _Tracks, ticks: np.ndarray, fps: float, fit: LipFit, controls: Controls) -> FaceMotion:
        at = tracks.map(lambda track: _sample(track, ticks))
        # a closure shorter than a frame must still be seen on one
        reach = 0.5 * TICKS_PER_SECOND / fps
        closure = np.max([_sample(tracks.closure, ticks + offset) for offset in np.linspace(-reach, reach, 5)], axis=0)
        coefficients = at.coefficients.copy()
        lower = coefficients[:, : self.basis.lower]
        lower *= controls.mouth * _bounded(lip_gap(self.basis.shape(coefficients)).mean(1), _WIDEST)
        shape = self.basis.shape(coefficients)
        opening = _parted(lip_gap(shape), at.activity[:, None] * min(controls.mouth, 1.0))
        if controls.emotion != "neutral":
            mood = controls.level * self.basis.emotions[controls.emotion]
            shape, opening = shape + mood, opening + np.maximum(lip_gap(mood), 0.0)
        shape = fit(shape, opening, closure, at.activity)
        single = (part.astype(np.float32) for part in (shape, at.pose, at.gaze, at.blink))
        return FaceMotion(*single)


def _bounded(opening: np.ndarray, most: float) -> np.ndarray:
    """Factor (T, 1) that keeps openings below `most`, softly: a vowel that is held adds up to more than people do."""
    share = np.maximum(opening, 1e-6) / most
    return (np.tanh(share) / share)[:, None]


def _parted(gap: np.ndarray, activity: np.ndarray) -> np.ndarray:
    """Opening (T, 9) from a learned gap that may be negative: speaking lips part a little where nothing shuts them."""
    soft = _SLACK * np.logaddexp(0.0, gap / _SLACK)
    hard = np.maximum(gap, 0.0)
    return hard + activity * (soft - hard)


class _Counted:
    """An iterable of chunks that knows how many samples went by."""

    def __init__(self, chunks: Iterable[np.ndarray]) -> None:
        self._chunks, self.samples = chunks, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for chunk in self._chunks:
            self.samples += len(chunk)
            yield chunk


def _frames(samples: int, fps: float) -> int:
    return round(samples / (HOP * TICKS_PER_SECOND) * fps)


def _sample(track: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """Rows of a track at fractional ticks, linear between, held at its ends."""
    ticks = np.clip(ticks, 0, len(track) - 1)
    low = np.floor(ticks).astype(int)
    high, part = np.minimum(low + 1, len(track) - 1), ticks - low
    part = part.reshape(-1, *[1] * (track.ndim - 1))
    return track[low] * (1 - part) + track[high] * part


def _faded(tracks: Iterator[tuple[_Tracks, bool]]) -> Iterator[_Tracks]:
    """Ease in from the portrait's rest and out to it; holds one segment back, since the end may fall just after it."""
    start, held = 0, None
    for segment, last in tracks:
        ticks = start + np.arange(len(segment), dtype=float)
        start += len(segment)
        segment = _scaled(segment, smoothstep(0, _FADE_IN, ticks), smoothstep(0, _HUSH, ticks))
        if not last:
            if held is not None:
                yield held
            held = segment
            continue
        before = 0 if held is None else len(held)
        whole = segment if held is None else held + segment
        left = np.arange(len(whole), 0, -1, dtype=float) - 1
        whole = _scaled(whole, smoothstep(0, _FADE_OUT, left), smoothstep(0, _HUSH, left))
        if before:
            yield whole.map(lambda track, before=before: track[:before])
        yield whole.map(lambda track, before=before: track[before:])


def _scaled(tracks: _Tracks, head: np.ndarray, mouth: np.ndarray) -> _Tracks:
    return _Tracks(
        tracks.coefficients * mouth[:, None],
        tracks.closure * mouth,
        tracks.activity * mouth,
        tracks.pose * head[:, None],
        tracks.gaze * head[:, None],
        tracks.blink * mouth[:, None],
    )
