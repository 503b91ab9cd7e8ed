"""What the bench found, as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

HEADS = {
    "reenacted": {
        "psnr": "PSNR dB",
        "ssim": "SSIM",
        "mouth": "mouth %",
        "face": "face %",
        "shape": "shape %",
        "sharpness": "sharpness",
    },
    "spoken": {
        "faces": "faces",
        "auc": "lips AUC",
        "shifted": "shifted",
        "wrong_voice": "wrong voice",
        "right_above_wrong": "right above wrong",
        "head_degrees": "head °",
        "blinks_per_minute": "blinks/min",
        "sharpness": "sharpness",
    },
}
TITLES = {"reenacted": "Re-enacted from the first frame", "spoken": "Spoken"}


SPEED = {
    "fps_render": "render fps",
    "fps_marked": "marked fps",
    "first_chunk_seconds": "first chunk s",
    "latency_seconds": "sound before the first frame s",
}
NETWORK = {"gigaoperations": "Gop a frame", "milliseconds": "ms of a core or GPU", "share": "share of the machine"}


def table(result: Mapping[str, Any]) -> str:
    """Markdown: means over clips, then speed; for each method the time of a frame, and its networks."""
    means, speed = result.get("means", {}), result["speed"]
    parts = [_table(TITLES[kind], heads, means[kind]) for kind, heads in HEADS.items() if means.get(kind)]
    if result.get("random"):
        parts.append(f"The networks are random, of preset {result['random']}: their speed can be judged, nothing else.")
    parts.append(_table("Speed", SPEED, speed))
    stages = dict.fromkeys(name for row in speed.values() for name in row["stages"])
    shown = {method: row["stages"] for method, row in speed.items()}
    parts.append(
        _table("Milliseconds a frame; stages of the seal run beside each other", {s: s for s in stages}, shown)
    )
    for method, row in speed.items():
        if "networks" in row:
            title = f"Networks of {method}; large matrix products: {row['matmul_gflops']:.0f} Gop/s"
            parts.append(_table(title, NETWORK, row["networks"]))
    return "\n\n".join(parts)


def _table(title: str, heads: Mapping[str, str], rows: Mapping[str, Mapping[str, float]]) -> str:
    lines = [f"**{title}**", "", "| method | " + " | ".join(heads.values()) + " |", "|---" * (len(heads) + 1) + "|"]
    for method, row in rows.items():
        lines.append(f"| {method} | " + " | ".join(_word(row.get(name)) for name in heads) + " |")
    return "\n".join(lines)


def _word(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"
