"""Training of attribution: class means of residual measures, judged on people held out and on generators held out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.progress import Report, silent
from ..core.random import generator
from .detectors.attribution import NONE, AttributionModel, shares
from .detectors.features import NAMES, VERSION
from .detectors.residual import standardise
from .fitting import USED, Corpus, load

FOLDS = 4
NAMED = 0.95  # share of a class's clips, people held out, that lie near enough to be named
STRANGERS = "clips of other people, and of generators it never met, are"
TEMPERATURES = np.geomspace(0.5, 64, 22)


def train_attribution(
    index: str | Path,
    out: str | Path,
    *,
    test: str | Path | None = None,
    names: Sequence[str] = USED,
    seed: int = 0,
    command: str = "facewright.detect.attribution_training.train_attribution(index, out)",
    progress: Report = silent,
) -> dict[str, Any]:
    """Fit, judge and write `attribution.safetensors` with its record; every generator of the index is a class.

    Args:
        index: of the corpus, with its measures beside it or videos to measure; genuine clips, and two
            generators at least if one is to be held out.
        out: folder for weights and record.
        test: index of clips by generators that the first does not hold: how many are named wrongly?
        names: the measures to use.
        seed: of the folds.
        command: how to do this again, for the record.

    Returns:
        What was measured, as in the record's `metrics`.

    Raises:
        InputError: "bad_index" for fewer than `FOLDS` people of a class, or one class alone; what `load` raises.
    """
    corpus, left_out = load(index, progress)
    classes = labels(corpus)
    fold = _folds(corpus, classes, seed)
    said = _held_out(corpus, classes, fold, names, np.unique(fold))
    metrics = _figures(corpus, classes, said) | {"clips left out": left_out}
    known = sorted(set(classes) - {NONE})
    metrics["when a generator is held out, its clips are"] = {
        name: _held_back(corpus, classes, fold, names, name) for name in known if len(known) > 1
    }
    model = fit(corpus, classes, fold, names)
    if test:
        others, _ = load(test, progress)
        kinds = np.array([entry.generator or "genuine" for entry in others.entries])
        told = np.array([_word(model.attribute(rows)) for rows in others.rows])
        metrics[STRANGERS] = {
            str(kind): _spread(told[kinds == kind], others.people[kinds == kind]) for kind in np.unique(kinds)
        }
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "attribution.safetensors")
    _record(out, corpus, classes, model, metrics, seed, command)
    return metrics


def labels(corpus: Corpus) -> np.ndarray:
    """The class of each clip: its generator, or `NONE`."""
    return np.array([entry.generator if entry.synthetic else NONE for entry in corpus.entries])


def fit(corpus: Corpus, classes: np.ndarray, fold: np.ndarray, names: Sequence[str]) -> AttributionModel:
    """The model on all clips; how far is too far, and how sure it sounds, from clips of people held out."""
    near, wrong = [], []
    for number in np.unique(fold):
        model = _fit(corpus.take(fold != number), classes[fold != number], names)
        for i in np.flatnonzero(fold == number):
            distances = model.distances(corpus.rows[i])
            if classes[i] in model.generators:
                near.append((classes[i], distances[model.generators.index(classes[i])]))
                wrong.append((distances, model.generators.index(classes[i])))
    model = _fit(corpus, classes, names)
    far = [np.quantile([d for name, d in near if name == each], NAMED) for each in model.generators]

    def surprise(temperature: float) -> float:
        return -float(np.mean([np.log(shares(d, temperature)[right] + 1e-12) for d, right in wrong]))

    temperature = float(min(TEMPERATURES, key=surprise))
    return replace(model, far=np.array(far), temperature=temperature)


def _fit(corpus: Corpus, classes: np.ndarray, names: Sequence[str]) -> AttributionModel:
    """Means and one shrunk covariance (Ledoit and Wolf 2004), every class weighing the same in the standardisation."""
    from sklearn.covariance import ledoit_wolf

    columns = [NAMES.index(name) for name in names]
    known = tuple(sorted(set(classes)))
    means = np.array([np.nanmean(rows[:, columns], 0) for rows in corpus.rows])
    centres = np.array([np.nanmean(means[classes == name], 0) for name in known])
    spread = np.array([np.nanstd(means[classes == name], 0) for name in known])
    mean, scale = centres.mean(0), np.sqrt((spread**2).mean(0) + centres.var(0)) + 1e-6
    x = np.array([standardise(rows[:, columns], mean, scale).mean(0) for rows in corpus.rows])
    middles = np.array([x[classes == name].mean(0) for name in known])
    within = x - middles[[known.index(name) for name in classes]]
    covariance, _ = ledoit_wolf(within, assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    whitening = (vectors / np.sqrt(np.maximum(values, 1e-6))).T
    far = np.full(len(known), np.inf)
    return AttributionModel(tuple(names), known, mean, scale, whitening, middles @ whitening.T, far, 1.0)


def _folds(corpus: Corpus, classes: np.ndarray, seed: int) -> np.ndarray:
    """A fold for each clip by the person shown, every class's people dealt out in turn."""
    people = corpus.people
    fold: dict[str, int] = {}
    for name in sorted(set(classes)):
        members = sorted(set(people[classes == name]))
        if len(members) < FOLDS:
            raise InputError(
                "bad_index", f"{len(members)} people of {name or 'genuine clips'} cannot fill {FOLDS} folds."
            )
        fresh = [members[i] for i in generator(seed, "fold", name).permutation(len(members)) if members[i] not in fold]
        fold |= {person: number % FOLDS for number, person in enumerate(fresh)}
    if len(set(classes)) < 2:
        raise InputError("bad_index", "There is one class alone; nothing tells it from others.")
    return np.array([fold[person] for person in people])


def _held_out(
    corpus: Corpus, classes: np.ndarray, fold: np.ndarray, names: Sequence[str], which: np.ndarray
) -> np.ndarray:
    """What is said of each clip by a model that met none of its person's clips."""
    said = np.full(len(corpus), "", object)
    for number in which:
        rest = fold != number
        model = fit(corpus.take(rest), classes[rest], fold[rest], names)
        for i in np.flatnonzero(~rest):
            said[i] = _word(model.attribute(corpus.rows[i]))
    return said


def _held_back(
    corpus: Corpus, classes: np.ndarray, fold: np.ndarray, names: Sequence[str], name: str
) -> dict[str, float]:
    """What is said of a generator's clips by a model that never met it; "unknown" or "none" are right."""
    rest = classes != name
    model = fit(corpus.take(rest), classes[rest], fold[rest], names)
    told = np.array([_word(model.attribute(corpus.rows[i])) for i in np.flatnonzero(~rest)])
    return _spread(told, corpus.people[~rest])


def _word(said: dict[str, Any]) -> str:
    return said["generator"] or ("none" if said["known"] else "unknown")


def _spread(told: np.ndarray, people: np.ndarray) -> dict[str, float]:
    """Share of each answer, people weighing the same."""
    shared: dict[str, float] = {}
    members = np.unique(people)
    for person in members:
        own = told[people == person]
        for word in own:
            shared[str(word)] = shared.get(str(word), 0.0) + 1 / len(own) / len(members)
    return {word: round(share, 4) for word, share in sorted(shared.items(), key=lambda one: -one[1])}


def _wrong(spread: dict[str, float]) -> float:
    """Share of clips, none of a known generator, that were named after one all the same."""
    return sum(share for word, share in spread.items() if word not in ("none", "unknown"))


def _figures(corpus: Corpus, classes: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    kinds = np.array([entry.generator or entry.label for entry in corpus.entries])
    spread = {str(kind): _spread(said[kinds == kind], corpus.people[kinds == kind]) for kind in np.unique(kinds)}
    return {
        "people held out are": spread,
        "generators named right": round(float(np.mean([spread[n].get(n, 0) for n in set(classes) - {NONE}])), 4),
        "genuine clips named after a generator": round(_wrong(spread.get("genuine", {})), 4),
        "clips": {str(kind): int((kinds == kind).sum()) for kind in np.unique(kinds)},
        "people": {str(kind): len(set(corpus.people[kinds == kind])) for kind in np.unique(kinds)},
    }


def _record(
    out: Path,
    corpus: Corpus,
    classes: np.ndarray,
    model: AttributionModel,
    metrics: dict[str, Any],
    seed: int,
    command: str,
) -> None:
    """Write the weight record (fields of `core.weights`)."""
    weights = (out / "attribution.safetensors").read_bytes()
    lost = metrics["when a generator is held out, its clips are"]
    met = metrics.get(STRANGERS, {})
    named, wrong = metrics["generators named right"], metrics["genuine clips named after a generator"]
    words = [
        f"On people held out: {100 * named:.0f} % of synthetic clips named right",
        f"{100 * wrong:.0f} % of genuine ones named after a generator",
        *(f"held out of training, {100 * s.get('unknown', 0):.0f} % of {name} unknown" for name, s in lost.items()),
    ]
    if strangers := [_wrong(spread) for name, spread in met.items() if name not in (*model.generators, "genuine")]:
        words.append(f"of {len(strangers)} generators never met, {100 * np.mean(strangers):.0f} % named after another")
    record = {
        "name": "attribution",
        "architecture": f"Nearest of {len(model.generators)} class means in {len(model.names)} whitened residual "
        f"measures, version {VERSION}; rejected by distance",
        "files": [
            {"file": "attribution.safetensors", "sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
        ],
        "licences": {
            "code": "Apache-2.0",
            "weights": "Apache-2.0",
            "data": "statistics alone, of clips under the terms that are named with each",
        },
        "data": sorted({f"{e.label}, {e.generator or e.identity}: {e.licence}" for e in corpus.entries}),
        "made": {"command": command, "seed": seed, "date": datetime.now(UTC).date().isoformat(), "measures": VERSION},
        "metrics": {"in words": "; ".join(words) + ".", **metrics},
    }
    (out / "attribution.record.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
