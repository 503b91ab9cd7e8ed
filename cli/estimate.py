"""How long a clip will take here: what the last run on this machine showed, kept in the cache folder."""

from __future__ import annotations

import json
from contextlib import suppress

from ..core.paths import cache


def expected_seconds(method: str, *, frames: int, pixels: int) -> float | None:
    """Seconds that `frames` of `pixels` each should take, or None before the first run on this machine."""
    rate = _rates().get(method)
    return frames * pixels / rate if rate else None


def remember(method: str, *, frames: int, pixels: int, seconds: float) -> None:
    """Keep the speed of a finished run; a cache that cannot be written is no reason to fail."""
    with suppress(OSError):
        cache().mkdir(parents=True, exist_ok=True)
        _file().write_text(json.dumps(_rates() | {method: frames * pixels / seconds}), "utf-8")


def _file():
    return cache() / "pixels_per_second.json"


def _rates() -> dict[str, float]:
    try:
        return json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
