"""Methods × clips × portraits: rendered, watched, compared; a clip beside what each method made of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...core.errors import UsageError
from ...core.media import VideoReader, read_audio
from ...core.progress import Progress, Report, silent
from ...core.version import VERSION
from ...provenance import Draft, Ingredient, seal
from ..clip import SOURCE_TYPE
from ..drive import Drive, RendersDrive, SpeechDrive, VideoDrive
from ..latent.method import LatentMethod
from ..methods import registry
from ..talker import Talker, load
from .lips import RATE, judge, phones, score
from .measures import against, movement, watch
from .speed import speed

STILL = "still portrait"


@dataclass(frozen=True)
class Bench:
    """What is measured.

    Attributes:
        methods: name, or `name:weights` → as in `load`.
        clips: videos of people who agreed; each is re-enacted from its own first frame.
        portraits, voices: files; every portrait speaks every voice.
        seconds: of each clip and voice at most.
        size: short side of what is made.
        seed: of every clip.
        random: a preset of training: networks of its sizes that have learned nothing are timed, and no more.
    """

    methods: Sequence[str]
    clips: Sequence[Path] = ()
    portraits: Sequence[Path] = ()
    voices: Sequence[Path] = ()
    seconds: float = 10.0
    size: int = 512
    seed: int = 0
    device: str = "auto"
    random: str | None = None


def run(bench: Bench, *, progress: Report = silent) -> dict[str, Any]:
    """All figures: `reenacted` and `spoken`, a list of rows each, `speed` per method, and `means` over the rows.

    With `random`, `speed` alone.

    Every made clip is watched as a caller gets it: marked. Landmark distances are in percent of the distance of the
    outer eye corners, angles in degrees.

    Raises:
        UsageError: "usage" where there is nothing to do.
        FacewrightError: as making a clip.
    """
    if not bench.clips and not (bench.portraits and bench.voices):
        raise UsageError("usage", "there is nothing to measure", "Give clips, or portraits and voices.")
    if bench.random:
        return {
            "random": bench.random,
            "speed": {name: _speed(bench, untrained(bench, name)) for name in bench.methods},
        }
    talkers = {name: open_talker(name, bench.device) for name in bench.methods}
    total = len(bench.clips) * (len(talkers) + 1) + len(bench.portraits) * len(bench.voices) * len(talkers)
    done = 0

    def told(row: dict[str, Any]) -> dict[str, Any]:
        nonlocal done
        done += 1
        progress(Progress("measure", done, total, "clips"))
        return row

    reenacted = [told(row) for clip in bench.clips for row in _reenacted(bench, talkers, clip)]
    spoken = [told(row) for name, talker in talkers.items() for row in _spoken(bench, name, talker)]
    return {
        "reenacted": reenacted,
        "spoken": spoken,
        "means": {kind: means(rows) for kind, rows in (("reenacted", reenacted), ("spoken", spoken))},
        "speed": {name: _speed(bench, talker) for name, talker in talkers.items()},
    }


def open_talker(name: str, device: str) -> Talker:
    """A talker by `name` or `name:weights`."""
    method, _, weights = name.partition(":")
    return load(method, device=device, weights=weights or None)


def untrained(bench: Bench, name: str) -> Talker:
    """A method with networks of a preset that have learned nothing.

    Raises:
        UsageError: `usage` if its networks are not made that way, `unknown_preset`.
    """
    kind, presets = registry.method(name), registry.presets(name)
    if not issubclass(kind, LatentMethod):
        raise UsageError("usage", f"{name} cannot be measured without weights", "Leave --random away.")
    if bench.random not in presets.AUTOENCODER:
        known = ", ".join(presets.AUTOENCODER)
        raise UsageError("unknown_preset", f"{name} has no preset {bench.random!r}", f"There are: {known}.")
    net, motion = presets.AUTOENCODER[bench.random].net, presets.MOTION[bench.random].model
    return Talker(kind.untrained(net, motion, bench.device))


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Method → figure → mean over its rows; rows that could not be judged do not count."""
    found: dict[str, dict[str, float]] = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        names = [name for name, value in own[0].items() if isinstance(value, int | float)]
        found[method] = {name: _mean([row[name] for row in own]) for name in names}
    return found


def side_by_side(bench: Bench, clip: Path, target: Path) -> Path:
    """A sealed video: the clip, and beside it what each method made of its first frame."""
    talkers = [open_talker(name, bench.device) for name in bench.methods]
    streams = [_frames(VideoReader(clip, fps=25, seconds=bench.seconds))]
    first = next(_frames(VideoReader(clip, fps=25)))
    made = [
        talker(first, driven(talker, clip, bench.seconds), size=bench.size, fps=25, seed=bench.seed)
        for talker in talkers
    ]
    streams += [_frames(each) for each in made]
    height, width = made[0].height, made[0].width
    rows = (
        np.concatenate([_fitted(frame, width, height) for frame in frames], 1)[None]
        for frames in zip(*streams, strict=False)
    )
    draft = Draft(
        method="bench",
        method_version=VERSION,
        weights={name: digest for each in made for name, digest in each.weights.items()},
        seed=bench.seed,
        controls={"methods": list(bench.methods)},
        ingredients=(Ingredient(str(clip), "video", clip.name),),
        consent=None,
        digital_source_type=SOURCE_TYPE,
    )
    seal(rows, target, draft=draft, fps=25, width=width * len(streams), height=height, force=True)
    return target


def driven(talker: Talker, clip: Path, seconds: float) -> Drive:
    """A clip as the method takes it: its pictures, or its sound where the method takes nothing else."""
    kinds = (VideoDrive, RendersDrive, SpeechDrive)
    kind = next(kind for kind in kinds if kind.kind in talker.method.card.drives)
    return kind.open(clip, limit=seconds)


def _reenacted(bench: Bench, talkers: Mapping[str, Talker], clip: Path) -> Iterator[dict[str, Any]]:
    first = next(_frames(VideoReader(clip, fps=25)))
    wanted = watch(VideoReader(clip, fps=25, seconds=bench.seconds), 25)
    still = watch((first[None] for _ in wanted.thumbs), 25)
    yield {"method": STILL, "clip": clip.name, **against(still, wanted)}
    for name, talker in talkers.items():
        drive = driven(talker, clip, bench.seconds)
        made = watch(iter(talker(first, drive, size=bench.size, fps=25, seed=bench.seed)), 25)
        yield {"method": name, "clip": clip.name, **against(made, wanted), **movement(made)}


def _spoken(bench: Bench, name: str, talker: Talker) -> Iterator[dict[str, Any]]:
    sounds = {voice: read_audio(voice, rate=RATE, seconds=bench.seconds) for voice in bench.voices}
    heard = {voice: phones(samples) for voice, samples in sounds.items()}
    for portrait in bench.portraits:
        for number, voice in enumerate(bench.voices):
            drive = SpeechDrive.open(voice, limit=bench.seconds)
            made = watch(iter(talker(portrait, drive, size=bench.size, fps=25, seed=bench.seed)), 25)
            other = bench.voices[number - 1]
            row = {"method": name, "clip": f"{portrait.stem} × {voice.stem}", "faces": float(made.seen.mean())}
            row |= asdict(judge(made.lips, 25, sounds[voice]))
            row["wrong_voice"] = score(made.lips, 25, heard[other])[0] if other != voice else math.nan
            right = row["auc"] > row["wrong_voice"]
            row["right_above_wrong"] = float(right) if math.isfinite(row["auc"] + row["wrong_voice"]) else math.nan
            yield row | movement(made)


def _speed(bench: Bench, talker: Talker) -> dict[str, Any]:
    """Of the first input; see `speed`."""
    if bench.clips:
        first: Any = next(_frames(VideoReader(bench.clips[0], fps=25)))
        drive: Any = driven(talker, bench.clips[0], bench.seconds)
    else:
        first, drive = bench.portraits[0], SpeechDrive.open(bench.voices[0], limit=bench.seconds)
    return speed(talker, first, drive, size=bench.size, seed=bench.seed)


def _frames(chunks: Any) -> Iterator[np.ndarray]:
    return (frame for chunk in chunks for frame in chunk)


def _fitted(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    return (
        frame
        if frame.shape[:2] == (height, width)
        else cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    )


def _mean(values: Sequence[float]) -> float:
    kept = [value for value in values if math.isfinite(value)]
    return float(np.mean(kept)) if kept else math.nan
