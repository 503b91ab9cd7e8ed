"""Corpora made by running the methods: portraits × voices × seeds × encodes, sealed like every output, paired with
genuine clips that went through the same encoder, listed in an index."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.errors import InputError, UsageError
from ..core.media import probe, read_image
from ..core.progress import Progress, Report, silent
from ..core.random import generator
from ..datasets.index import Entry, split, write_index
from ..provenance import new_record_id
from .drive import SpeechDrive
from .talker import load

if TYPE_CHECKING:
    from ..core.media import VideoInfo
    from .method import Card
    from .pairing import Window
    from .talker import Talker

INDEX = "index.jsonl"
T = TypeVar("T")
log = logging.getLogger(__name__)


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
        genuine: real clips, with absolute paths; clip k gets a counterpart from the k-th of a seeded order, or the next
            that will do, and both have its frame rate, the same size and length, and sound if it has.
        crfs: constant rate factors of the encoder; one is drawn for each pair.
        genuine_marked: share of the genuine clips that carry the watermark, drawn at random. All made ones carry it, so
            with less than 1 the mark says something about the label.
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
    genuine: Sequence[Entry] = ()
    crfs: Sequence[float] = (18,)
    genuine_marked: float = 1.0


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
    if not (plan.portraits and plan.voices and plan.methods and plan.crfs and plan.count > 0):
        raise UsageError("usage", "a corpus needs portraits, voices, methods and a count", "Name at least one each.")
    people = {portrait: _person(portrait, plan.identity) for portrait in plan.portraits}
    out.mkdir(parents=True, exist_ok=True)
    talkers = {name: load(name, device=device) for name in plan.methods}
    entries: list[Entry] = []
    for number in range(plan.count):
        progress(Progress("make the corpus", number, plan.count, "clips"))
        pair = _pair(plan, number, talkers)
        entries += _make(plan, pair, talkers[pair.method], people[pair.portrait], out)
    progress(Progress("make the corpus", plan.count, plan.count, "clips"))
    write_index(out / INDEX, split(entries, {"train": 1 - plan.held_out, "val": plan.held_out}))
    return out / INDEX


@dataclass(frozen=True)
class _Pair:
    """All that decides a made clip and its genuine counterpart, and the name that follows from it."""

    name: str
    number: int
    method: str
    portrait: Path
    voice: Path
    seed: int
    controls: dict[str, Any]
    crf: float
    marked: bool


def _pair(plan: Plan, number: int, talkers: dict[str, Talker]) -> _Pair:
    method = plan.methods[number % len(plan.methods)]
    portrait, voice = (_turn(files, plan.seed, kind, number) for kind, files in _files(plan))
    draw = generator(plan.seed, "synthesis", number)
    seed = int(draw.integers(2**31))
    controls = _controls(talkers[method].method.card, draw, plan.spread)
    crf = float(draw.choice(plan.crfs))
    marked = bool(draw.random() < plan.genuine_marked)
    real = [[entry.video for entry in plan.genuine], marked] if plan.genuine else []
    recipe = [method, portrait.name, voice.name, plan.seconds, plan.size, seed, controls, crf, *real]
    digest = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]
    name = f"{number:05d}-{portrait.stem}-{digest}"
    return _Pair(name, number, method, portrait, voice, seed, controls, crf, marked)


def _make(plan: Plan, pair: _Pair, talker: Talker, person: str, out: Path) -> list[Entry]:
    """Write what is not there yet of a pair, and list it."""
    target = out / f"{pair.name}.mp4"
    twins = list(out.glob(f"{pair.name}-genuine-*.mp4"))
    shown = _window(plan, pair) if plan.genuine and not (target.exists() and twins) else None
    if not target.exists():
        drive = SpeechDrive.open(pair.voice, limit=min(plan.seconds, shown.seconds) if shown else plan.seconds)
        drive = replace(drive, sounds=shown is None or shown.sounds)
        size, fps = (min(shown.width, shown.height), shown.fps) if shown else (plan.size, None)
        clip = talker(pair.portrait, drive, seed=pair.seed, size=size, fps=fps, **pair.controls)
        clip.save(target, crf=pair.crf)
    if shown and not twins:
        from .pairing import write

        twins = [out / f"{pair.name}-genuine-{plan.genuine.index(shown.entry)}.mp4"]
        mark = new_record_id() if pair.marked else None
        write(shown, _video(target).frames or 1, twins[0], crf=pair.crf, mark=mark)
    made = Entry(target.name, "synthetic", person, pair.portrait.stem, plan.licence, pair.method, marked=True)
    entries = [replace(made, encode=_encode(target, pair.crf))]
    for twin in twins if plan.genuine else ():
        real = plan.genuine[int(twin.stem.rpartition("-")[2])]
        encode = _encode(twin, pair.crf)
        entries.append(replace(real, video=twin.name, split="", encode=encode, marked=pair.marked))
    return entries


def _window(plan: Plan, pair: _Pair) -> Window:
    """Of the first genuine video, from the pair's place in their order on, that will do."""
    from .pairing import window

    rows, columns = read_image(pair.portrait).shape[:2]
    for further in range(len(plan.genuine)):
        entry = _turn(plan.genuine, plan.seed, "genuine", pair.number + further)
        try:
            draw = generator(plan.seed, "window", pair.number)
            return window(entry, rows, columns, plan.size, plan.seconds, draw)
        except InputError as error:
            log.info("no counterpart for clip %d: %s", pair.number, error.message)
    raise InputError("no_counterpart", "no genuine video can be paired with the clips", "-v says why of each.")


def _video(path: Path) -> VideoInfo:
    video = probe(path).video
    assert video, "just written"
    return video


def _encode(path: Path, crf: float) -> str:
    video = _video(path)
    return f"h264 crf={crf:g} {video.width}x{video.height}"


def _files(plan: Plan) -> tuple[tuple[str, Sequence[Path]], ...]:
    return ("portrait", plan.portraits), ("voice", plan.voices)


def _turn(files: Sequence[T], seed: int, kind: str, number: int) -> T:
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
