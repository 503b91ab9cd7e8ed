"""The lip-sync detector: do these lips say what is heard, and how much earlier or later?

It looks at no pixel, only at how lips move, and was trained on genuine clips alone. What it can tell is that sound and
picture do not belong together; a generator that follows its sound well goes unnoticed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import AssetError, InputError
from ...core.weights import check, read_record
from ..calibration import Calibration, level
from ..detector import Evidence, Observation, Sound
from .residual import WEIGHTS
from .speech import FPS, HOP, LIPS, STEPS, at_moments, lip_shape, log_mel

if TYPE_CHECKING:
    from .synchrony import Kinematics, Towers

LEAST_FACE = 64.0  # px, longer side
WINDOW, STEP = 80, 20  # moments in a window of the timeline, and from one to the next
LEAST = 50  # moments in a row
LONGEST = 1200  # moments whose sound is read at once
QUIET = 0.003  # root mean square of the sound in a window, full scale 1
STILL = 0.012  # spread of the gap between the lips in a window, head units
GAP = 0.16  # s without the face that may be bridged
VERSION = "1"


@dataclass(frozen=True)
class Windows:
    """What was compared: `seconds` (n,) of the middles, `curves` (n, lags) of correlation by lag, `moments` (n,)."""

    seconds: np.ndarray
    curves: np.ndarray
    moments: np.ndarray

    @property
    def whole(self) -> np.ndarray:
        """The curve (lags,) of all windows together."""
        return self.moments @ self.curves / self.moments.sum()


@dataclass(frozen=True)
class LipSyncModel:
    """What training finds.

    Attributes:
        towers, kinematics: the networks, whose curves are averaged.
        scale: (8,) spread of lip shapes within a clip.
        calibration: minus confidence → statements; "synthetic" are clips with somebody else's sound.
    """

    towers: Towers
    kinematics: Kinematics
    scale: np.ndarray
    calibration: Calibration

    def curve(self, shapes: np.ndarray, mel: np.ndarray) -> np.ndarray:
        """Lip shapes (t, 8) and log energies (STEPS · t, BANDS) → correlation by lag (2 REACH + 1,)."""
        import torch

        from .synchrony import curve

        lips, sound = (torch.from_numpy(part)[None] for part in standardise(shapes, mel, self.scale))
        with torch.no_grad():
            both = [curve(net.lips(lips), net.sound(sound))[0].numpy() for net in (self.towers, self.kinematics)]
        return np.mean(both, 0)

    def compare(self, times: np.ndarray, shapes: np.ndarray, sound: Sound) -> Windows | str:
        """Lip shapes (n, 8) at `times` (n,) s against the sound there, or the reason why nothing can be said."""
        found: list[tuple[float, np.ndarray, int]] = []
        reasons: list[str] = []
        for moments, values in runs(times, shapes):
            try:
                samples = sound.between(float(moments[0]), len(moments) / FPS)
            except InputError as error:
                reasons.append("no_sound" if error.code in ("no_audio", "too_short", "empty") else error.code)
                continue
            wanted = len(moments) * STEPS * HOP
            samples = np.pad(samples, (0, max(0, wanted - len(samples))))[:wanted]
            mel = log_mel(samples)
            for first in starts(len(moments)):
                last = min(first + WINDOW, len(moments))
                heard = samples[first * STEPS * HOP : last * STEPS * HOP]
                if np.sqrt(np.mean(heard**2)) < QUIET:
                    reasons.append("too_quiet")
                elif values[first:last, 0].std() < STILL:
                    reasons.append("not_speaking")
                else:
                    curve = self.curve(values[first:last], mel[first * STEPS : last * STEPS])
                    found.append((float(moments[(first + last) // 2]), curve, last - first))
        if not found:
            return max(set(reasons), key=reasons.count) if reasons else "too_short"
        seconds, curves, moments = zip(*found, strict=True)
        return Windows(np.array(seconds), np.array(curves), np.array(moments))

    def save(self, path: Path) -> None:
        from safetensors.numpy import save_file

        nets = {"towers": self.towers, "kinematics": self.kinematics}
        tensors = {f"{n}.{key}": value.numpy() for n, net in nets.items() for key, value in net.state_dict().items()}
        own = self.calibration
        tensors |= {"scale": self.scale, "genuine": own.genuine, "genuine_weights": own.weights}
        tensors |= {"scalars": np.array([own.slope, own.offset])}
        save_file({n: np.ascontiguousarray(t) for n, t in tensors.items()}, path, metadata={"version": VERSION})

    @classmethod
    def read(cls, path: Path) -> LipSyncModel:
        """Raises AssetError `weights_missing`, or `weights_mismatch` for weights of another version."""
        import torch
        from safetensors import SafetensorError, safe_open

        from .synchrony import Kinematics, Towers

        try:
            with safe_open(path, "np") as file:
                metadata, t = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise AssetError("weights_missing", f"{path} cannot be read: {error}.", "Reinstall facewright.") from error
        if (metadata or {}).get("version") != VERSION:
            raise AssetError("weights_mismatch", f"{path} is of another version, not {VERSION}.", "Train again.")
        nets = {"towers": Towers(), "kinematics": Kinematics()}
        for name, net in nets.items():
            own = {key.removeprefix(f"{name}."): torch.from_numpy(t[key]) for key in t if key.startswith(f"{name}.")}
            net.load_state_dict(own)
            net.eval()
        slope, offset = t["scalars"]
        calibration = Calibration(float(slope), float(offset), t["genuine"], t["genuine_weights"])
        return cls(nets["towers"], nets["kinematics"], t["scale"], calibration)


class LipSyncDetector:
    """`Detector` over one `LipSyncModel`."""

    name = "lipsync"
    fps = FPS

    def __init__(self, model: LipSyncModel, about: Mapping[str, str] | None = None) -> None:
        self.model = model
        self.thresholds = model.calibration.thresholds
        self.about = dict(about or {})

    @classmethod
    @cache
    def shipped(cls) -> LipSyncDetector:
        """The one whose weights come with the package.

        Raises:
            AssetError: `weights_missing`, `hash_mismatch`.
        """
        record = read_record(WEIGHTS / "lipsync.record.json")
        check(record)
        about = {"How it works": record.architecture, "Trained on": record.data[0]}
        about |= {"Tested": record.metrics["in words"], "Weights": f"SHA-256 {record.files[0].sha256}"}
        return cls(LipSyncModel.read(record.files[0].path), about)

    def open(self, sound: Sound | None = None) -> LipSyncReader:
        return LipSyncReader(self.model, sound)

    def level(self, false_alarms_per_100: float) -> str:
        return level(false_alarms_per_100, self.model.calibration.least_per_100)


class LipRows:
    """Lip shapes of one face over time: nine numbers a frame."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []
        self._small = 0

    def push(self, observation: Observation) -> None:
        if observation.face.size < LEAST_FACE:
            self._small += 1
        else:
            self._rows.append(np.array([observation.seconds, *lip_shape(observation.face.landmarks)]))

    @property
    def table(self) -> np.ndarray:
        """float64 (n, 9): seconds and shapes."""
        return np.array(self._rows).reshape(-1, 1 + len(LIPS))

    @property
    def reason(self) -> str | None:
        """Why there are too few rows to speak; None if there are enough."""
        if len(self._rows) >= LEAST:
            return None
        return "face_too_small" if self._small > len(self._rows) else "too_short"


class LipSyncReader:
    """Keeps lip shapes; the sound is read at the end."""

    def __init__(self, model: LipSyncModel, sound: Sound | None) -> None:
        self._model, self._sound, self._rows = model, sound, LipRows()

    def push(self, observation: Observation) -> None:
        self._rows.push(observation)

    def evidence(self) -> Evidence:
        if self._sound is None:
            return Evidence.abstention("no_sound")
        if reason := self._rows.reason:
            return Evidence.abstention(reason)
        table = self._rows.table
        said = self._model.compare(table[:, 0], table[:, 1:], self._sound)
        if isinstance(said, str):
            return Evidence.abstention(said)
        calibration = self._model.calibration
        offset, sure = peak(said.whole)
        each = np.array([confidence(curve) for curve in said.curves])
        noise = 1.645 * np.array([spread(curve) for curve in said.curves])
        scores = (calibration.score(-(each + side * noise)).astype(np.float32) for side in (0, 1, -1))
        return Evidence(
            float(calibration.score(-sure)),
            None,
            calibration.false_alarms_per_100(-sure),
            said.seconds,
            *scores,
            details={"offset": round(offset, 3), "confidence": round(sure, 3)},
        )


def standardise(shapes: np.ndarray, mel: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the networks are given: changes about the clip's own mean, so that neither mouth nor microphone shows."""
    lips = np.clip((shapes - shapes.mean(0)) / scale, -4, 4)
    return lips.astype(np.float32), ((mel - mel.mean(0)) / 2.5).astype(np.float32)


def peak(curve: np.ndarray) -> tuple[float, float]:
    """Of a correlation by lag: by how many seconds the sound comes late, and the confidence in it."""
    best, middle = int(curve.argmax()), len(curve) // 2
    bend = 0.0
    if 0 < best < len(curve) - 1:
        before, top, after = curve[best - 1 : best + 2]
        bend = float((before - after) / min(2 * (before - 2 * top + after), -1e-9))
    return (best - middle + bend) / FPS, confidence(curve)


def confidence(curve: np.ndarray) -> float:
    """How far the best lag stands out over the middle one of all (after Chung and Zisserman, 2016)."""
    return float(curve.max() - np.median(curve))


def spread(curve: np.ndarray) -> float:
    """The curve's own noise: its median absolute deviation, as a standard deviation."""
    return float(1.4826 * np.median(np.abs(curve - np.median(curve))))


def starts(count: int) -> range:
    """First moments of the windows in a run."""
    return range(0, max(1, count - WINDOW + 1), STEP)


def runs(times: np.ndarray, shapes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stretches without a break, at least `LEAST` and at most `LONGEST` moments: their moments and shapes there."""
    for part in np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > GAP) + 1):
        moments, values = at_moments(times[part], shapes[part])
        for first in range(0, len(moments), LONGEST):
            if len(moments[first : first + LONGEST]) >= LEAST:
                yield moments[first : first + LONGEST], values[first : first + LONGEST]
