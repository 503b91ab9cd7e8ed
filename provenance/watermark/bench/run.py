"""Clips × schemes × attacks: prepared, attacked, read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ....core.errors import FacewrightError, UsageError
from ....core.progress import Progress, Report, silent
from .attacks import Attack, named
from .clips import Prepared, prepare
from .quality import compare
from .schemes import Scheme, schemes

SECONDS = 10.0


def run(
    clips: Sequence[Path],
    *,
    attacks: Sequence[str] = ("everyday",),
    peers: Sequence[str] = (),
    seconds: float = SECONDS,
    jobs: int = 1,
    scratch: Path | None = None,
    progress: Report = silent,
) -> dict[str, Any]:
    """Mark, attack and read every clip.

    Args:
        clips: videos; up to `seconds` of each are used.
        attacks: suites and single names, see `attacks`.
        peers: other marks to hold against ours, see `schemes.PEERS`.
        seconds: of each clip.
        jobs: processes; figures of time mean something with one on an idle machine only.
        scratch: folder for files in between; some hundred MB a clip.
        progress: is told how many cells are done.

    Returns:
        `clips`, a list of {clip, scheme, width, height, frames, embed_ms, quality, cells}, where `cells` is a list of
        {attack, outcome, p_value, seconds, details}; `outcome` is "exact", "missed", or "not run" with a `reason`,
        which counts neither way. `totals`: scheme → {exact, run, not_run}.

    Raises:
        UsageError: an unknown attack or peer; two clips of one name.
        InputError: as `VideoReader`.
        MachineError: "no_ffmpeg", "attack_failed".
    """
    chosen = named(attacks)
    marks = schemes(peers)
    if len({clip.stem for clip in clips}) < len(clips):
        raise UsageError("usage", "Two clips have the same name.", "Rename one of them.")
    rows: list[dict[str, Any]] = []
    whole, done = len(clips) * len(marks) * len(chosen), 0
    with TemporaryDirectory(dir=scratch) as folder, ProcessPoolExecutor(jobs) as pool:
        for scheme in marks:
            for clip in clips:
                progress(Progress("attack", done, whole, "cells"))
                work = Path(folder) / scheme.name / clip.stem
                work.mkdir(parents=True)
                ready = prepare(clip, work, scheme, seconds)
                row = {key: value for key, value in asdict(ready).items() if not isinstance(value, Path)}
                row |= {"scheme": scheme.name, "quality": compare(ready.marked, ready.before), "cells": []}
                for cell in _cells(pool, scheme, ready, chosen):
                    row["cells"].append(cell)
                    done += 1
                    progress(Progress("attack", done, whole, "cells"))
                rows.append(row)
                for path in (ready.sealed, ready.marked, ready.before):
                    path.unlink()
    return {"clips": rows, "totals": {scheme.name: totals(rows, scheme.name) for scheme in marks}}


def totals(rows: Sequence[dict[str, Any]], scheme: str) -> dict[str, int]:
    """How many cells of a scheme gave the exact message, were run, and could not be."""
    outcomes = [cell["outcome"] for row in rows if row["scheme"] == scheme for cell in row["cells"]]
    missing = outcomes.count("not run")
    return {"exact": outcomes.count("exact"), "run": len(outcomes) - missing, "not_run": missing}


def _cells(pool: ProcessPoolExecutor, scheme: Scheme, ready: Prepared, chosen: Sequence[Attack]) -> Iterator[dict]:
    waiting = [pool.submit(_cell, scheme.name, ready, attack) for attack in chosen]
    for each in waiting:
        yield each.result()


def _cell(scheme: str, ready: Prepared, attack: Attack) -> dict[str, Any]:
    """One attack on one sealed file."""
    cell: dict[str, Any] = {"attack": attack.name}
    if lacking := attack.missing:
        return cell | {"outcome": "not run", "reason": f"FFmpeg lacks {lacking}"}
    mark = next(each for each in schemes([scheme] if scheme != "facewright" else ()) if each.name == scheme)
    target = ready.sealed.with_name(f"{ready.name}.{abs(hash(attack.name))}.mkv")
    try:
        attack.run(ready.sealed, target)
        wall, processor = time.perf_counter(), time.process_time()
        reading = mark.read(target)
        return cell | {
            "outcome": "exact" if reading.exact else "missed",
            "p_value": reading.p_value,
            "seconds": round(time.perf_counter() - wall, 3),
            "cpu_seconds": round(time.process_time() - processor, 3),
            "details": reading.details,
        }
    except FacewrightError as error:
        return cell | {"outcome": "not run", "reason": error.message}
    finally:
        target.unlink(missing_ok=True)
