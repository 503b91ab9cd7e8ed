"""Training of the temporal detector and of the panel, as a bench trains them, with its figures on record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..core.atomic import write_json
from ..core.progress import Report, silent
from ..datasets.index import Entry, folds, read_index
from .bench.clips import STANDARD_VARIANT
from .bench.figures import figures
from .bench.learning import INNER, LEARNERS, Clip, corpus_of, fit_sequence
from .bench.learning import train as train_clips
from .bench.protocol import hold_out, judged
from .bench.run import open_clips, run
from .calibration import Calibration
from .detectors.motion import VERSION
from .detectors.temporal import LEAST
from .panel import shipped
from .temporal_training import fit_temporal

MEMBERS = tuple(LEARNERS)  # of the panel that is trained


def train_temporal(
    index: str | Path,
    out: str | Path,
    *,
    seed: int = 0,
    command: str = "facewright.detect.panel_training.train_temporal(index, out)",
    progress: Report = silent,
) -> dict[str, Any]:
    """Fit, calibrate, judge and write `temporal.safetensors` with `temporal.record.json`.

    Args:
        index: of genuine and synthetic clips; what is measured is kept beside it, in `INDEX.measured`.
        out: folder for weights and record.
        seed: of folds and draws.
        command: how to do this again, for the record.

    Raises:
        InputError: "bad_index" for too few people.
    """
    index, out = Path(index), Path(out)
    entries = [entry for entry in read_index(index) if not entry.control]
    measured = open_clips(entries, index, [STANDARD_VARIANT], {}, progress)
    clips = [clip for clip in measured if len(clip.rows("temporal")) >= LEAST]
    synthetic = np.array([clip.entry.synthetic for clip in clips])
    people = np.array([clip.entry.identity for clip in clips])
    held = hold_out(clips, ["temporal"], "leave one identity out", seed, lambda: None)
    metrics = figures(judged(clips, held)["temporal"], synthetic, people, seed)
    inner, raw = np.array(folds([clip.entry for clip in clips], INNER, salt=f"inner {seed}")), np.empty(len(clips))
    for number in range(INNER):
        score = fit_sequence(corpus_of(clips, inner != number, "temporal"), seed)
        raw[inner == number] = [score(clips[i].rows("temporal")) for i in np.flatnonzero(inner == number)]
    calibration = Calibration.fit(raw, synthetic, people)
    model = fit_temporal(corpus_of(clips, np.ones(len(clips), bool), "temporal"), seed)
    out.mkdir(parents=True, exist_ok=True)
    replace(model, calibration=calibration).save(out / "temporal.safetensors")
    architecture = (
        "Transformer of two layers over windows of 16 moments: differences of the unwrapped face, speed and jerk of "
        f"landmarks, version {VERSION}; Platt scaling; conformal false alarms over people"
    )
    low, high = metrics["AUC 95 % interval over people"]
    words = f"On people held out: AUC {metrics['AUC']:.3f} (95 % interval {low:.3f} to {high:.3f})."
    _record(out, "temporal", architecture, clips, {"in words": words, **metrics}, seed, command)
    return metrics


def train_panel(
    index: str | Path,
    out: str | Path,
    *,
    names: Sequence[str] = MEMBERS,
    seed: int = 0,
    sweep: bool = True,
    command: str = "facewright.detect.panel_training.train_panel(index, out)",
    progress: Report = silent,
) -> dict[str, Any]:
    """Fit the fusion, judge it by `bench detect`, and write `panel.safetensors` with `panel.record.json`.

    Detectors whose weight comes out as 0 are no members: they do not help on people held out.

    Args:
        index, out, seed, command: as in `train_temporal`.
        names: detectors to choose from.
        sweep: as in `bench.run.run`.

    Raises:
        InputError: "bad_index" for too few people.
        AssetError: weights of a detector that is taken as it ships are missing.
    """
    index, out = Path(index), Path(out)
    metrics = run(index, names=names, quick=True, sweep=sweep, seed=seed, progress=progress)
    entries = [entry for entry in read_index(index) if not entry.control]
    fixed = {name: shipped(name) for name in names if name not in LEARNERS}
    clips = open_clips(entries, index, [STANDARD_VARIANT], fixed, progress)
    fusion = train_clips(clips, names, seed).fusion
    chosen = fusion.weights > 0
    kept = tuple(name for name, own in zip(names, chosen, strict=True) if own)
    out.mkdir(parents=True, exist_ok=True)
    replace(fusion, names=kept, weights=fusion.weights[chosen]).save(out / "panel.safetensors")
    weights = {name: round(float(weight), 3) for name, weight in zip(names, fusion.weights, strict=True)}
    own = metrics["settings"]["leave one identity out"]["panel"]
    low, high = own["AUC 95 % interval over people"]
    words = f"On people held out: AUC {own['AUC']:.3f} (95 % interval {low:.3f} to {high:.3f})."
    architecture = f"Stacked logistic fusion of {', '.join(kept)}; Platt scaling; conformal false alarms over people"
    kept_figures = {key: value for key, value in metrics.items() if key != "curves"}
    told = {"in words": words, "weights of all that were tried": weights, **kept_figures}
    _record(out, "panel", architecture, clips, told, seed, command)
    return told


def _record(
    out: Path, name: str, architecture: str, clips: Sequence[Clip], metrics: dict[str, Any], seed: int, command: str
) -> None:
    """Write the weight record (fields of `core.weights`)."""
    weights = (out / f"{name}.safetensors").read_bytes()
    entries: list[Entry] = [clip.entry for clip in clips]
    parts = []
    for kind, made in (("genuine", False), ("synthetic", True)):
        own = [entry for entry in entries if entry.synthetic == made]
        parts.append(f"{len(own)} {kind} clips of {len({entry.identity for entry in own})} people")
    record = {
        "name": name,
        "architecture": architecture,
        "files": [
            {"file": f"{name}.safetensors", "sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
        ],
        "licences": {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "clips under the terms listed under data"},
        "data": [", ".join(parts), *sorted({f"{e.label}, {e.generator or e.identity}: {e.licence}" for e in entries})],
        "made": {"command": command, "seed": seed, "date": datetime.now(UTC).date().isoformat()},
        "metrics": metrics,
    }
    write_json(out / f"{name}.record.json", record)
