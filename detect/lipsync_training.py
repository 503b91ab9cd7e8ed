"""Training of the lip-sync detector on genuine clips alone.

Genuine clips are not in sync: a channel's sound is often a tenth of a second late. So each recording is first aligned,
by models that met none of its people, and only then learned from; without this, the networks learn what the channels
got wrong. The last of these models judge: every figure is of people they never met.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.atomic import write_json
from ..core.errors import InputError
from ..core.media import read_audio
from ..core.progress import Progress, Report, silent
from ..core.training import Batch, Card, Networks, Options, Stage, Turn, cosine, fit
from ..core.training.folder import fingerprint
from ..core.training.tensors import read_tensors
from ..datasets.crops import Crops, FaceClip, face_crops
from ..datasets.index import Entry, folds
from .calibration import Calibration
from .detectors.lipsync import VERSION, LipSyncModel, peak, standardise
from .detectors.speech import FPS, HOP, LIPS, STEPS, lip_shape, log_mel
from .detectors.synchrony import REACH, Kinematics, Towers, curve
from .lipsync_judging import judge

STEPS_TRAINED, BATCH, RATE = 300, 32, 2e-3
CROP = 50  # moments of a sample
ROUNDS, FOLDS = 2, 5  # of alignment, the last of which also judges
SHARP = 12.0  # factor on correlations before the softmax over lags
CLEAR = 0.005  # root mean square below which a clip is no material


@dataclass(frozen=True)
class Spoken:
    """One clip: lip shapes (t, 8), log energies (STEPS · t, BANDS), and by how many seconds its sound comes late."""

    entry: Entry
    shapes: np.ndarray
    mel: np.ndarray
    lag: float = 0.0

    @property
    def person(self) -> str:
        return self.entry.identity

    @property
    def aligned(self) -> np.ndarray:
        """Log energies with the lag taken out."""
        steps = np.arange(len(self.mel)) + round(self.lag * FPS * STEPS)
        return self.mel[np.clip(steps, 0, len(self.mel) - 1)]


class SyncStage(Stage):
    """Towers: which of 25 lags is right? Kinematics: how loud are four bands?"""

    def __init__(self, clips: Sequence[Spoken], scale: np.ndarray, seed: int, steps: int, card: Card) -> None:
        self.steps, self.batch_size, self.seed, self.card = steps, BATCH, seed, card
        self.look_every, self.store = steps, torch.float32
        self.clips: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for clip in clips:
            self.clips.setdefault(clip.person, []).append(standardise(clip.shapes, clip.aligned, scale))
        self.people = sorted(self.clips)
        lengths = np.array([sum(len(shapes) for shapes, _ in self.clips[person]) for person in self.people])
        self.chance = np.sqrt(lengths) / np.sqrt(lengths).sum()
        self.towers, self.kinematics = Towers(), Kinematics()
        self.networks = {"towers": self.towers, "kinematics": self.kinematics}
        adams = [torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.1) for net in self.networks.values()]
        self.turns = (
            Turn("towers", adams[0], self.contrast, schedule=cosine()),
            Turn("kinematics", adams[1], self.predict, schedule=cosine()),
        )

    def draw(self, position: int) -> dict[str, np.ndarray]:
        """A crop: another speed, mouth, vocal tract, microphone and room noise than recorded."""
        random = self.random(position)
        own = self.clips[self.people[random.choice(len(self.people), p=self.chance)]]
        lengths = np.array([len(shapes) for shapes, _ in own])
        shapes, mel = own[random.choice(len(own), p=lengths / lengths.sum())]
        speed = random.uniform(0.85, 1.18)
        at = random.uniform(-4, max(len(shapes) - CROP * speed + 4, 1)) + np.arange(CROP) * speed
        heard_at = at[0] * STEPS + np.arange(CROP * STEPS) * speed
        lips = np.stack([np.interp(at, np.arange(len(shapes)), column) for column in shapes.T], -1)
        lips *= random.uniform(0.6, 1.5) * random.uniform(0.85, 1.15, (1, len(LIPS)))
        lips += random.normal(0, 0.15, (1, len(LIPS))) + random.normal(0, 0.1, lips.shape)
        sound = np.stack([np.interp(heard_at, np.arange(len(mel)), band) for band in mel.T], -1)
        bands = np.arange(sound.shape[1])
        tract = bands * random.uniform(0.85, 1.15) + random.uniform(-1, 1)
        sound = np.stack([np.interp(tract, bands, row) for row in sound])
        sound += np.convolve(random.normal(0, 0.5, len(bands) + 8), np.ones(9) / 4, "valid")
        noise = random.uniform(-3, -0.3) + random.normal(0, 0.15, sound.shape)
        sound = np.logaddexp(2 * sound, 2 * noise) / 2
        return {"shapes": lips.astype(np.float32), "mel": (sound - sound.mean(0)).astype(np.float32)}

    def contrast(self, batch: Batch) -> dict[str, torch.Tensor]:
        found = curve(self.towers.lips(batch["shapes"]), self.towers.sound(batch["mel"]))
        return {"lag": -(SHARP * found).log_softmax(1)[:, REACH].mean()}

    def predict(self, batch: Batch) -> dict[str, torch.Tensor]:
        found = curve(self.kinematics.lips(batch["shapes"]), self.kinematics.sound(batch["mel"]))
        return {"loudness": 1 - found[:, REACH].mean()}

    def evaluate(self, networks: Networks) -> Mapping[str, float]:
        return {}


def train_lipsync(
    data: str | Path,
    out: str | Path,
    *,
    test: str | Path | None = None,
    seed: int = 0,
    steps: int = STEPS_TRAINED,
    command: str = "facewright.detect.lipsync_training.train_lipsync(data, out)",
    progress: Report = silent,
) -> dict[str, Any]:
    """Align, train, calibrate, judge and write `lipsync.safetensors` with `lipsync.record.json`.

    Args:
        data: an index, or a folder with MANIFEST.csv; its genuine clips with sound are used.
        out: folder for weights, record and what is made on the way; an interrupted run goes on.
        test: index of genuine clips of other people, which the finished model is judged on.
        seed: of every draw.
        steps: of each of the trainings.
        command: how to do this again, for the record.

    Returns:
        What was measured, as in the record's `metrics`.

    Raises:
        InputError: "bad_index" for too few people with sound.
    """
    data, out = Path(data), Path(out)
    crops, clips = listen(data, out / "cache", progress)
    fold = np.array(folds([clip.entry for clip in clips], FOLDS, salt=f"lipsync {seed}"))
    scale = np.sqrt(np.mean([clip.shapes.var(0) for clip in clips], 0)).astype(np.float32)
    card = Card(
        "lipsync",
        "Two convolutional towers (lip shapes; log-mel sound) trained to find the right lag, an MLP from lip motion to "
        f"loudness; version {VERSION}; Platt scaling and conformal false alarms over people",
        {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "clips of the terms listed under data"},
        crops.sources(),
    )
    identity = {"method": "lipsync", "seed": seed, "steps": steps, "data": fingerprint(data)}
    no_claims = Calibration(1.0, 0.0, np.zeros(1), np.ones(1))

    def trained(name: str, material: Sequence[Spoken]) -> LipSyncModel:
        build = partial(SyncStage, material, scale, seed, steps, card)
        done = fit(build, out / "runs" / name, identity={**identity, "run": name}, options=Options("cpu"))
        nets = {"towers": Towers(), "kinematics": Kinematics()}
        for stem, net in nets.items():
            tensors, _ = read_tensors(Path(done["weights"]) / f"{stem}.safetensors") or ({}, None)
            net.load_state_dict(tensors)
            net.eval()
        return LipSyncModel(nets["towers"], nets["kinematics"], scale, no_claims)

    models: list[LipSyncModel] = []
    for number in range(ROUNDS):
        models = []
        for held in range(FOLDS):
            models.append(trained(f"{number}-{held}", [clips[i] for i in np.flatnonzero(fold != held)]))
            progress(Progress("align and judge", number * FOLDS + held + 1, ROUNDS * FOLDS, "trainings"))
        clips = align(clips, [models[held] for held in fold])
    metrics, calibration = judge([(clip, models[held]) for clip, held in zip(clips, fold, strict=True)], seed)
    model = replace(trained("all", clips), calibration=calibration)
    if test:
        _, unknown = listen(Path(test), out / "cache", progress, terms=("A", "B", "C"))
        if both := {clip.person for clip in unknown} & {clip.person for clip in clips}:
            raise InputError("bad_index", f"{sorted(both)} stand in both {data} and {test}.")
        unknown = align(unknown, [model] * len(unknown))
        metrics["on people who had no part in it"], _ = judge([(clip, model) for clip in unknown], seed)
    metrics["seconds by which the sound of a recording comes late"] = {
        clip.entry.source: round(clip.lag, 3) for clip in clips
    }
    model.save(out / "lipsync.safetensors")
    _record(out, card, metrics, command, seed)
    return metrics


def listen(
    data: Path, cache: Path, progress: Report = silent, *, terms: Sequence[str] = ("A", "B")
) -> tuple[Crops, list[Spoken]]:
    """The genuine clips that have sound, with all faces tracked; and of them what the weight record lists."""
    crops = face_crops(data, cache, size=96, fps=FPS, terms=terms, progress=progress)
    heard: list[tuple[FaceClip, Spoken]] = []
    for clip in crops.clips:
        if clip.entry.label != "genuine":
            continue
        try:
            samples = read_audio(clip.video, start=clip.start, seconds=clip.seconds)
        except InputError:
            continue
        wanted = clip.length * STEPS * HOP
        samples = np.pad(samples, (0, max(0, wanted - len(samples))))[:wanted]
        if clip.length >= CROP and np.sqrt(np.mean(samples**2)) > CLEAR:
            shapes = np.stack([lip_shape(landmarks) for landmarks in clip.landmarks])
            heard.append((clip, Spoken(clip.entry, shapes, log_mel(samples))))
    if not heard:
        raise InputError("bad_index", f"{data} holds no genuine clip that is heard.")
    return Crops([clip for clip, _ in heard]), [spoken for _, spoken in heard]


def align(clips: Sequence[Spoken], models: Sequence[LipSyncModel]) -> list[Spoken]:
    """The lag of every recording by the model that belongs to each clip; lags have mean 0 over recordings."""
    curves: dict[str, list[np.ndarray]] = {}
    for clip, model in zip(clips, models, strict=True):
        curves.setdefault(clip.entry.source, []).append(model.curve(clip.shapes, clip.mel) * len(clip.shapes))
    lags = {source: np.clip(peak(np.sum(own, 0))[0], -0.25, 0.25) for source, own in curves.items()}
    middle = np.mean(list(lags.values()))
    return [replace(clip, lag=float(lags[clip.entry.source] - middle)) for clip in clips]


def _record(out: Path, card: Card, metrics: dict[str, Any], command: str, seed: int) -> None:
    weights = (out / "lipsync.safetensors").read_bytes()
    record = {
        "name": card.name,
        "architecture": card.architecture,
        "files": [
            {"file": "lipsync.safetensors", "sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
        ],
        "licences": dict(card.licences),
        "data": list(card.data),
        "made": {"command": command, "seed": seed, "date": datetime.now(UTC).date().isoformat(), "version": VERSION},
        "metrics": metrics,
    }
    write_json(out / "lipsync.record.json", record)
