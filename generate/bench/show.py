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


def table(result: Mapping[str, Any]) -> str:
    """Markdown: means over clips, then speed."""
    parts = [
        _table(TITLES[kind], heads, result["means"][kind]) for kind, heads in HEADS.items() if result["means"][kind]
    ]
    speed = {"fps_render": "render fps", "fps_marked": "marked fps", "first_chunk_seconds": "first chunk s"}
    return "\n\n".join([*parts, _table("Speed", speed, result["speed"])])


def _table(title: str, heads: Mapping[str, str], rows: Mapping[str, Mapping[str, float]]) -> str:
    lines = [f"**{title}**", "", "| method | " + " | ".join(heads.values()) + " |", "|---" * (len(heads) + 1) + "|"]
    for method, row in rows.items():
        lines.append(f"| {method} | " + " | ".join(_word(row.get(name)) for name in heads) + " |")
    return "\n".join(lines)


def _word(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"
