"""Corpora made by running the methods: portraits × voices × seeds, sealed like every output, listed in an index."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import UsageError
from ..core.progress import Progress, Report, silent
from ..core.random import generator
from ..datasets.index import Entry, split, write_index
from .drive import SpeechDrive
from .talker import load

if TYPE_CHECKING:
    from .method import Card

INDEX = "index.jsonl"


@dataclass(frozen=True)
class Plan:
    """What a corpus shall hold.

    Attributes:
        portraits, voices: files; clip k takes the k-th of a seeded order of each, over and over.
        count: clips.
        methods: names, in turn.
        seconds: of each clip, at most.
        size: short side in pixels.
        seed: of the orders, the seeds of the clips and their controls.
        spread: how far controls are drawn from their defaults, as a share of the way to their bounds; 0 leaves them.
        identity: regular expression; its match in a portrait's file name (first group if it has one) is the person.
        licence: terms of the portraits, for the index.
        held_out: share of the people whose clips are kept apart as "val".
    """

    portraits: Sequence[Path]
    voices: Sequence[Path]
    count: int
    methods: Sequence[str] = ("meshwarp",)
    seconds: float = 6.0
    size: int = 512
    seed: int = 0
    spread: float = 0.5
    identity: str = ".+"
    licence: str = "not stated"
    held_out: float = 0.2


def synthesize(plan: Plan, out: Path, *, device: str = "auto", progress: Report = silent) -> Path:
    """Make the clips that are not there yet, and the index of all.

    The name of a clip follows from everything that decides it, so a run that was broken off goes on where it was, and
    a run with other options adds its clips to the folder under other names; the index lists those of this run.

    Returns:
        The index, `out / index.jsonl`.

    Raises:
        UsageError: "usage" for an empty list or an identity pattern that does not match.
        FacewrightError: whatever making a clip raises; clips made before it are kept.
    """
    if not (plan.portraits and plan.voices and plan.methods and plan.count > 0):
        raise UsageError("usage", "a corpus needs portraits, voices, methods and a count", "Name at least one each.")
    people = {portrait: _person(portrait, plan.identity) for portrait in plan.portraits}
    out.mkdir(parents=True, exist_ok=True)
    talkers = {name: load(name, device=device) for name in plan.methods}
    entries = []
    for number in range(plan.count):
        progress(Progress("make the corpus", number, plan.count, "clips"))
        method = plan.methods[number % len(plan.methods)]
        portrait, voice = (_turn(files, plan.seed, kind, number) for kind, files in _files(plan))
        draw = generator(plan.seed, "synthesis", number)
        seed = int(draw.integers(2**31))
        controls = _controls(talkers[method].method.card, draw, plan.spread)
        recipe = [method, portrait.name, voice.name, plan.seconds, plan.size, seed, controls]
        digest = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]
        target = out / f"{number:05d}-{portrait.stem}-{digest}.mp4"
        if not target.exists():
            drive = SpeechDrive.open(voice, limit=plan.seconds)
            talkers[method](portrait, drive, seed=seed, size=plan.size, **controls).save(target)
        entries.append(
            Entry(
                video=target.name,
                label="synthetic",
                identity=people[portrait],
                source=portrait.stem,
                licence=plan.licence,
                generator=method,
                encode=f"h264 {plan.size}",
                marked=True,
            )
        )
    progress(Progress("make the corpus", plan.count, plan.count, "clips"))
    write_index(out / INDEX, split(entries, {"train": 1 - plan.held_out, "val": plan.held_out}))
    return out / INDEX


def _files(plan: Plan) -> tuple[tuple[str, Sequence[Path]], ...]:
    return ("portrait", plan.portraits), ("voice", plan.voices)


def _turn(files: Sequence[Path], seed: int, kind: str, number: int) -> Path:
    """Every file once before any comes twice, in an order of its own for each round."""
    around, place = divmod(number, len(files))
    return files[generator(seed, "synthesis", kind, around).permutation(len(files))[place]]


def _person(portrait: Path, pattern: str) -> str:
    try:
        found = re.search(pattern, portrait.stem)
    except re.error as error:
        raise UsageError("usage", f"--identity {pattern!r} is no regular expression: {error}") from error
    if not found:
        raise UsageError("usage", f"--identity {pattern!r} matches nothing in {portrait.name}")
    return found[1] if found.re.groups else found[0]


def _controls(card: Card, draw: Any, spread: float) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    for control in card.controls:
        if not spread:
            continue
        if control.choices:
            drawn[control.name] = str(draw.choice(control.choices))
        elif isinstance(control.default, float | int):
            low = control.default + spread * (control.minimum - control.default)
            high = control.default + spread * (control.maximum - control.default)
            drawn[control.name] = round(float(draw.uniform(low, high)), 3)
    return drawn
