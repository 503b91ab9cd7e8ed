"""Training of the residual detector: fitted, calibrated and judged on people held out, and put on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.progress import Report, silent
from .detectors.features import VERSION
from .detectors.residual import ResidualModel
from .fitting import INNER, USED, Corpus, fit_calibrated, load
from .judging import OUTER, REPEATS, confront, judge


def train_detector(
    index: str | Path,
    out: str | Path,
    *,
    test: str | Path | None = None,
    names: Sequence[str] = USED,
    seed: int = 0,
    command: str = "facewright.detect.train_detector(index, out)",
    progress: Report = silent,
) -> dict[str, Any]:
    """Fit, calibrate, judge and write `residual.safetensors` with `residual.record.json`.

    Args:
        index: of the corpus; genuine and synthetic clips, controls if there are any. Measures that
            `scripts/make_detector_corpus.py` left beside it are used; without them the videos are measured now.
        out: folder for weights and record.
        test: index of clips of other people, which the finished model is confronted with.
        names: the measures to use.
        seed: of the folds and the bootstrap.
        command: how to do this again, for the record.

    Returns:
        What was measured, as in the record's `metrics`.

    Raises:
        InputError: "bad_index" for too few people or for people in both indexes; what `load` raises.
    """
    corpus, left_out = load(index, progress)
    metrics = judge(corpus, names, seed, progress) | {"clips left out": left_out}
    model = fit_calibrated(corpus, names, seed)
    if test:
        unknown, left_out = load(test, progress)
        if both := set(unknown.people) & set(corpus.people):
            raise InputError("bad_index", f"{sorted(both)} stand in both {index} and {test}.")
        metrics["on clips that had no part in it"] = confront(unknown, model) | {"clips left out": left_out}
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "residual.safetensors")
    _record(out, corpus, model, metrics, seed, command)
    return metrics


def _record(out: Path, corpus: Corpus, model: ResidualModel, metrics: dict[str, Any], seed: int, command: str) -> None:
    """Write the weight record (fields of `core.weights`)."""
    weights = (out / "residual.safetensors").read_bytes()
    low, high = metrics["AUC 95 % interval over people"]
    alarms, found = metrics["false alarms at strong"], metrics["found at strong"]
    people, clips = metrics["people"], metrics["clips"]
    words = (
        f"On people held out: AUC {metrics['AUC']:.3f} (95 % interval {low:.3f} to {high:.3f}); strong evidence in "
        f"{100 * alarms['share']:.0f} % of the genuine clips and {100 * found['share']:.0f} % of the synthetic ones."
    )
    record = {
        "name": "residual",
        "architecture": "Logistic regression over standardised residual, spectral and renewal measures of a face, "
        f"{len(model.names)} of them, version {VERSION}; Platt scaling; conformal false alarms over people",
        "files": [
            {"file": "residual.safetensors", "sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
        ],
        "licences": {
            "code": "Apache-2.0",
            "weights": "Apache-2.0",
            "data": "statistics alone, of clips under the terms that are named with each",
        },
        "data": [
            f"{clips['genuine']} genuine clips of {people['genuine']} people, "
            f"{clips['synthetic']} synthetic clips of {people['synthetic']} people",
            *sorted({f"{e.label}, {e.generator or e.identity}: {e.licence}" for e in corpus.entries if not e.control}),
            *sorted({f"control: {e.licence}" for e in corpus.entries if e.control}),
        ],
        "made": {
            "command": command,
            "seed": seed,
            "date": datetime.now(UTC).date().isoformat(),
            "measures": VERSION,
            "folds": f"{REPEATS} drawings of {OUTER} outer and {INNER} inner folds, by person and recording",
        },
        "metrics": {"in words": words, **metrics},
    }
    (out / "residual.record.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
