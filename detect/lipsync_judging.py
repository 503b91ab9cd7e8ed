"""Judging the lip-sync detector: genuine clips, the same shifted by known amounts, and with somebody else's sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.random import generator
from .calibration import Calibration
from .detectors.lipsync import WINDOW, LipSyncModel, confidence, peak, starts
from .detectors.speech import FPS, STEPS
from .fitting import duels

if TYPE_CHECKING:
    from .lipsync_training import Spoken

SHIFTS = (-0.4, -0.2, 0.0, 0.2, 0.4)  # s
NEAR = 0.08  # s
STRANGERS = 4  # other people whose sound each clip is given


def judge(pairs: Sequence[tuple[Spoken, LipSyncModel]], seed: int) -> tuple[dict[str, Any], Calibration]:
    """Figures over windows of four seconds, every person weighing the same, and a calibration on those windows.

    Args:
        pairs: clips, and for each a model that met nobody in it.
    """
    errors: dict[str, list[float]] = {}
    raw: list[float] = []
    wrong: list[bool] = []
    people: list[str] = []
    for number, (clip, model) in enumerate(pairs):
        for first, last in windows(len(clip.shapes)):
            lips = clip.shapes[first:last]
            for shift in SHIFTS:
                mel = _later(clip.mel, shift)[first * STEPS : last * STEPS]
                found, sure = peak(model.curve(lips, mel))
                errors.setdefault(clip.person, []).append(abs(found - clip.lag - shift))
                if not shift:
                    raw.append(-sure)
                    wrong.append(False)
                    people.append(clip.person)
        others = [other for other, _ in pairs if other.person != clip.person]
        for pick in generator(seed, "strangers", number).permutation(len(others))[:STRANGERS]:
            sound = others[pick].mel
            for first, last in windows(min(len(clip.shapes), len(sound) // STEPS)):
                curve = model.curve(clip.shapes[first:last], sound[first * STEPS : last * STEPS])
                raw.append(-confidence(curve))
                wrong.append(True)
                people.append(clip.person)
    values, foreign, whom = np.array(raw), np.array(wrong), np.array(people)
    kinds = np.where(foreign, "synthetic", "genuine")
    auc = float(duels(values, kinds, whom).mean())
    near = float(np.mean([np.mean(np.array(own) <= NEAR) for own in errors.values()]))
    typical = float(np.median([np.median(own) for own in errors.values()]))
    metrics = {
        "in words": f"On people held out, windows of {WINDOW / FPS:g} s: the lag is found within {NEAR:g} s in "
        f"{100 * near:.0f} % of genuine clips shifted by up to {max(SHIFTS):g} s; their own sound is told from another "
        f"person's with AUC {auc:.3f}.",
        "share of lags found": round(near, 4),
        "median error of the lag in seconds": round(typical, 4),
        "AUC of own against another's sound": round(auc, 4),
        "windows": {"genuine": int((~foreign).sum()), "with another's sound": int(foreign.sum())},
        "people": len(errors),
        "share of lags found, by person": {
            person: round(float(np.mean(np.array(own) <= NEAR)), 3) for person, own in sorted(errors.items())
        },
    }
    return metrics, Calibration.fit(values, foreign, whom)


def windows(moments: int) -> Iterator[tuple[int, int]]:
    for first in starts(moments):
        yield first, min(first + WINDOW, moments)


def _later(mel: np.ndarray, seconds: float) -> np.ndarray:
    """The sound `seconds` later; what is missing is repeated."""
    steps = np.arange(len(mel)) - round(seconds * FPS * STEPS)
    return mel[np.clip(steps, 0, len(mel) - 1)]
