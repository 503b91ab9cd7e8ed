"""The bench as a page of Markdown, and as one picture: ROC, reliability, and the sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from .figures import roc

SIZE, EDGE = 420, 60  # px of a chart, and of its margins
INK, FAINT, LINE, OTHER = (40, 40, 40), (215, 215, 215), (170, 80, 30), (40, 110, 200)


def table(result: Mapping[str, Any]) -> str:
    """Markdown."""
    lines = [f"# Detectors on {result['index']}", "", "Panel and detectors, people weighing the same.", ""]
    lines += ["| setting | detector | AUC | 95 % interval | EER | TPR at 1 % FPR | ECE | Brier | abstained |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for setting, told in result["settings"].items():
        if isinstance(told, str):
            lines.append(f"| {setting} | {told} | | | | | | | |")
        elif setting != "weights in the fusion":
            lines += [_row(setting, name, own) for name, own in told.items() if name != "by generator"]
            lines += [_row(setting, f"panel, {name}", own) for name, own in told.get("by generator", {}).items()]
    weights = result["settings"]["weights in the fusion"]
    lines += ["", "Weights in the fusion: " + ", ".join(f"{name} {weight}" for name, weight in weights.items()) + "."]
    alone = result["container alone"]
    lines += [f"The container alone: AUC {alone['with its bit rate']} with its bit rate, {alone['without']} without."]
    lines += [f"A watermark on genuine clips: {_words(result['watermark'])}.", ""]
    lines += ["| change | AUC | 95 % interval | false alarms at strong | found at strong | abstained |"]
    lines += ["|---|---|---|---|---|---|"]
    for change, own in result["under change"].items():
        cells = [change, own["AUC"], own["AUC 95 % interval over people"], own["false alarms at strong"]]
        lines.append(_cells([*cells, own["found at strong"], sum(own["abstained"].values())]))
    if confronted := result.get("confrontation"):
        lines += ["", "Clips that had no part in it, by generator:", ""]
        lines += ["| what | clips | people | abstained | strong | some | AUC |", "|---|---|---|---|---|---|---|"]
        for group, own in confronted.items():
            if group != "weights in the fusion":
                cells = [group, *(own[key] for key in ("clips", "people", "abstained", "strong", "some"))]
                lines.append(_cells([*cells, _words(own.get("AUC", {}))]))
    return "\n".join(lines)


def plot(result: Mapping[str, Any]) -> np.ndarray:
    """uint8 RGB (SIZE, 3 · SIZE, 3)."""
    scores = [np.array(result["curves"][kind]) for kind in ("genuine", "synthetic")]
    score, synthetic = np.concatenate(scores), np.repeat([False, True], [len(part) for part in scores])
    first = _chart("ROC, people held out", "false alarms", "found")
    second = _chart("Reliability", "score", "share synthetic")
    if len(score) and synthetic.any() and not synthetic.all():
        _line(first, *roc(score, synthetic), LINE)
        bins = np.array_split(np.argsort(score, kind="stable"), min(8, len(score)))
        _line(second, [score[part].mean() for part in bins], [synthetic[part].mean() for part in bins], LINE)
    third = _chart("Under change: AUC (brown), false alarms (blue)", "", "")
    sweep = list(result["under change"].items())
    across = np.linspace(0.02, 0.98, len(sweep))
    for key, colour in (("AUC", LINE), ("false alarms at strong", OTHER)):
        known = [(x, own[key]) for x, (_, own) in zip(across, sweep, strict=True) if own[key] is not None]
        _line(third, [x for x, _ in known], [y for _, y in known], colour)
    for x, (name, _) in list(zip(across, sweep, strict=True))[:: max(1, len(sweep) // 5)]:
        _text(third, name, _place(float(x), 0)[0] - 20, SIZE - EDGE + 20, 0.32)
    return np.hstack([first, second, third])


def _row(setting: str, name: str, own: Mapping[str, Any]) -> str:
    keys = ("AUC", "AUC 95 % interval over people", "EER", "TPR at 1 % FPR", "ECE", "Brier score")
    return _cells([setting, name, *(own.get(key) for key in keys), sum(own["abstained"].values())])


def _cells(values: Sequence[Any]) -> str:
    shown = ["" if value is None else value for value in values]
    words = [" to ".join(map(str, value)) if isinstance(value, list) else str(value) for value in shown]
    return "| " + " | ".join(words) + " |"


def _words(told: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _chart(title: str, across: str, up: str) -> np.ndarray:
    chart = np.full((SIZE, SIZE, 3), 255, np.uint8)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        cv2.line(chart, _place(0, share), _place(1, share), FAINT, 1)
        _text(chart, f"{share:g}", 22, _place(0, share)[1] + 4, 0.38)
        if across:
            _text(chart, f"{share:g}", _place(share, 0)[0] - 8, SIZE - EDGE + 18, 0.38)
    if across:
        cv2.line(chart, _place(0, 0), _place(1, 1), FAINT, 1, cv2.LINE_AA)
    _text(chart, title, EDGE, 28, 0.45)
    _text(chart, across, SIZE // 2 - 30, SIZE - 12, 0.42)
    _text(chart, up, EDGE, 48, 0.38)
    return chart


def _line(chart: np.ndarray, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, colour: Any) -> None:
    points = np.array([_place(float(a), float(b)) for a, b in zip(x, y, strict=True)], np.int32)
    if len(points):
        cv2.polylines(chart, [points], False, colour, 2, cv2.LINE_AA)
        for point in points if len(points) < 45 else []:
            cv2.circle(chart, tuple(map(int, point)), 3, colour, -1, cv2.LINE_AA)


def _place(x: float, y: float) -> tuple[int, int]:
    room = SIZE - 2 * EDGE
    return round(EDGE + x * room), round(SIZE - EDGE - y * room)


def _text(chart: np.ndarray, words: str, x: int, y: int, scale: float) -> None:
    cv2.putText(chart, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)
