"""Head, blinks, gaze and brows that nobody asked for: drawn from the statistics of real people, never still.

Everything runs at 100 ticks a second and is drawn from generators at fixed positions of the seed, so that a longer
voice begins with the same motion. The head is a vector autoregression at 10 Hz, which keeps what belongs together
together (a turn moves the face sideways, a nod moves it down) and moves more while there is speech. Blinks are a
renewal process. The eyes hold on to the viewer while the head turns, as eyes do, and leave in saccades.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.random import generator
from .basis import smoothstep

KNOT = 10  # ticks between two states of the head
_LIMIT = 2.2  # standard deviations that the head does not leave
_QUIET = 0.55  # how much of its liveliness the head keeps in silence


@dataclass(frozen=True)
class HeadStatistics:
    """Vector autoregression of pose, x_t = Σ transition_i · x_{t-1-i} + innovation · ε, at 10 Hz, in units of `spread`.

    Attributes:
        transition: float64 (order, 6, 6).
        innovation: float64 (6, 6), lower triangular.
        spread: float64 (6,), standard deviations of yaw, pitch, roll, x, y, log scale for a portrait.
        hold: float64 (2,), share of the head's yaw and pitch that the eyes take back.
    """

    transition: np.ndarray
    innovation: np.ndarray
    spread: np.ndarray
    hold: np.ndarray


class Head:
    """Pose of the head, segment by segment."""

    def __init__(self, statistics: HeadStatistics, seed: int) -> None:
        self._statistics, self._seed = statistics, seed
        self._past = np.zeros((len(statistics.transition), 6))  # newest first
        self._knots = np.zeros((0, 6))
        self._drawn = 0
        for noise in generator(seed, "head before").standard_normal((100, 6)):
            self._step(noise)
        for _ in range(4):
            self._knot(0.0)
        self._ticks = 0

    def segment(self, activity: np.ndarray) -> np.ndarray:
        """Pose (n, 6) of the next n ticks, whose speech activity (n,) is given."""
        ticks = self._ticks + np.arange(len(activity))
        first = int(ticks[0]) // KNOT
        while self._drawn < int(ticks[-1]) // KNOT + 4:
            at = min(max((self._drawn - 3) * KNOT - self._ticks, 0), len(activity) - 1)
            self._knot(float(activity[at]))
        knots = self._knots[len(self._knots) - self._drawn + first :]
        self._knots = self._knots[-(self._drawn - first) :]
        self._ticks += len(activity)
        place, part = ticks // KNOT - first, (ticks % KNOT / KNOT)[:, None]
        return _spline(knots, place, part) * self._statistics.spread

    def _step(self, noise: np.ndarray) -> np.ndarray:
        state = np.einsum("oij,oj->i", self._statistics.transition, self._past) + self._statistics.innovation @ noise
        self._past = np.concatenate([state[None], self._past[:-1]])
        return state

    def _knot(self, activity: float) -> None:
        noise = generator(self._seed, "head", self._drawn).standard_normal(6)
        state = self._step(noise * (_QUIET + (1 - _QUIET) * activity))
        self._knots = np.concatenate([self._knots, _LIMIT * np.tanh(state / _LIMIT)[None]])
        self._drawn += 1


def _spline(knots: np.ndarray, place: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Uniform cubic B-spline through the neighbourhood of knots place … place + 3: smooth to the second derivative."""
    a, b, c, d = (knots[place + offset] for offset in range(4))
    t = part
    return ((1 - t) ** 3 * a + (3 * t**3 - 6 * t**2 + 4) * b + (-3 * t**3 + 3 * t**2 + 3 * t + 1) * c + t**3 * d) / 6


class Blinks:
    """Closure of the eyes: 2 to 6 s apart on average, shut in 0.1 s, open again in 0.25 s; sometimes two in a row."""

    def __init__(self, seed: int, rate: float = 1.0) -> None:
        self._seed, self._rate, self._count, self._ticks = seed, rate, 0, 0
        self._next = self._interval(first=True)
        self._running: list[tuple[float, float]] = []  # start, depth

    def _interval(self, *, first: bool = False) -> float:
        if self._rate <= 0:
            return np.inf
        random = generator(self._seed, "blink", self._count)
        self._count += 1
        if not first and random.random() < 0.12:
            return float(random.uniform(0.4, 0.7))
        seconds = float(np.clip(random.lognormal(np.log(3.4), 0.45), 1.6, 8.0))
        return (seconds * 0.6 if first else seconds) / self._rate

    def segment(self, count: int) -> np.ndarray:
        """Closure (n,) of the next n ticks."""
        seconds = (self._ticks + np.arange(count)) / 100
        while self._next < seconds[-1]:
            depth = float(generator(self._seed, "blink depth", self._count).uniform(0.9, 1.0))
            self._running.append((self._next, depth))
            self._next += max(self._interval(), 0.4)
        closure = np.zeros(count)
        for start, depth in self._running:
            closure = np.maximum(closure, depth * blink(seconds - start))
        self._running = [one for one in self._running if one[0] + 0.5 > seconds[-1]]
        self._ticks += count
        return closure


def blink(seconds: np.ndarray) -> np.ndarray:
    """Closure since the start of a blink: down within 0.1 s, shut for 0.04 s, up within 0.26 s, slower and slower."""
    opening = np.clip((seconds - 0.14) / 0.26, 0, 1)
    return smoothstep(0, 0.1, seconds) * (1 - opening) ** 1.6 * (1 - smoothstep(0.9, 1.0, opening))


class Gaze:
    """Where the eyes look, against the head: at the viewer, with short looks aside and small corrections."""

    def __init__(self, statistics: HeadStatistics, seed: int) -> None:
        self._hold, self._seed, self._count, self._ticks = statistics.hold, seed, 0, 0
        self._from, self._to, self._start, self._end = np.zeros(2), np.zeros(2), 0.0, 0.0

    def _fixate(self) -> None:
        random = generator(self._seed, "gaze", self._count)
        self._from, self._start = self._to, self._end
        aside = random.random() < 0.3 and not np.any(np.abs(self._from) > 0.06)
        spread = np.array([0.14, 0.07]) if aside else np.array([0.022, 0.014])
        self._to = np.clip(random.normal(0, spread), -0.22, 0.22) if self._count else np.zeros(2)
        self._end += float(np.clip(random.lognormal(np.log(0.6 if aside else 1.3), 0.5), 0.25, 4.0))
        self._count += 1

    def segment(self, pose: np.ndarray, amount: float = 1.0) -> np.ndarray:
        """Right and down (n, 2) in radians for the next ticks, where the head has this pose (n, 6)."""
        seconds = (self._ticks + np.arange(len(pose))) / 100
        looks = np.empty((len(pose), 2))
        for i, now in enumerate(seconds):
            while now >= self._end:
                self._fixate()
            jump = 0.02 + 0.25 * float(np.linalg.norm(self._to - self._from))  # a saccade of 0.1 rad takes 45 ms
            looks[i] = self._from + (self._to - self._from) * smoothstep(0, jump, np.array(now - self._start))
        self._ticks += len(pose)
        return looks * amount - pose[:, :2] * self._hold


class Brows:
    """Lift of the brows, head units: slow drift, and a raise on some of the loud syllables."""

    def __init__(self, seed: int) -> None:
        self._seed, self._ticks, self._last = seed, 0, -9.0
        self._pace = float(generator(seed, "brow pace").uniform(0.08, 0.14))  # Hz
        self._raises: list[tuple[float, float]] = []

    def segment(self, energy: np.ndarray, activity: np.ndarray) -> np.ndarray:
        """Lift (n,) for ticks with this loudness and activity."""
        ticks = self._ticks + np.arange(len(energy))
        for tick, loud, active in zip(ticks[::KNOT], energy[::KNOT], activity[::KNOT], strict=True):
            random = generator(self._seed, "brow", int(tick))
            if loud * active > 0.75 and tick / 100 - self._last > 1.2 and random.random() < 0.12:
                self._last = tick / 100
                self._raises.append((self._last, float(random.uniform(0.012, 0.035))))
        seconds = ticks / 100
        lift = 0.004 * np.sin(2 * np.pi * self._pace * seconds)
        for start, height in self._raises:
            lift = lift + height * smoothstep(0, 0.25, seconds - start) * (1 - smoothstep(0.35, 0.9, seconds - start))
        self._raises = [one for one in self._raises if one[0] + 1 > seconds[-1]]
        self._ticks += len(energy)
        return lift
