"""`facewright weights import detector:NAME FILE`: published detectors, kept, calibrated on one's own clips, used."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from ..core.checkpoint import read_checkpoint
from ..core.errors import AssetError
from ..core.faces import track
from ..core.imported import replacing, sha256, write_record
from ..core.media import VideoReader
from ..core.progress import Progress, Report, silent
from ..core.training.tensors import read_tensors, write_tensors
from ..core.version import VERSION
from ..core.weights import WeightRecord, check, record
from ..datasets.index import read_index
from .calibration import Calibration
from .detector import Observation
from .detectors.frames import LEAST_FRAMES, PictureDetector, PictureReader
from .detectors.published import PublishedModel, assemble, filled


def import_detector(name: str, path: Path) -> WeightRecord:
    """Keep a published file as weights called `detector-NAME`.

    Raises:
        UsageError: `unknown_weights`.
        AssetError: `weights_missing`, `bad_checkpoint`, `unsafe_checkpoint`.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    net = assemble(name, read_checkpoint(path))
    published = net.published
    with replacing(f"detector-{name}") as target:
        write_tensors(target / "detector.safetensors", net.state_dict(), {"published": name})
        write_record(
            target,
            ["detector.safetensors"],
            name=f"detector-{name}",
            architecture=f"{published.title}: {published.backbone} of timm",
            licences={
                "code": "Apache-2.0",
                "weights": published.terms,
                "data": f"of the authors of {published.source}",
            },
            data=(f"not said in {path.name}",),
            made={"source": published.source, "facewright": VERSION, "files": {path.name: sha256(path)}},
        )
    return record(f"detector-{name}")


def calibrate(name: str, index: str | Path, progress: Report = silent) -> Calibration:
    """Measure what an imported detector says of clips whose truth is known, and keep that beside its weights.

    Args:
        index: genuine and synthetic clips, of people whom the detector's authors did not train on.

    Raises:
        InputError: `bad_index`, `unreadable`.
        AssetError: `weights_missing`, `hash_mismatch`, `bad_weights`; `data_missing` for fewer than two genuine people
            or no synthetic clip.
        UsageError: `unknown_weights`.
    """
    model, kept = _model(name), record(f"detector-{name}")
    index = Path(index)
    entries = [entry for entry in read_index(index) if not entry.control]
    raw, rows = [], []
    for number, entry in enumerate(entries):
        progress(Progress("calibrate", number, len(entries), "clips"))
        if (score := _score(model, index.parent / entry.video)) is not None:
            raw.append(score)
            rows.append(entry)
    synthetic = np.array([entry.synthetic for entry in rows], bool)
    people = np.array([entry.identity for entry in rows])
    if len(set(people[~synthetic])) < 2 or not synthetic.any():
        raise AssetError(
            "data_missing", f"{index} shows too few people to calibrate on", "Name more clips of both kinds."
        )
    calibration = Calibration.fit(np.array(raw), synthetic, people)
    tensors = {"platt": np.array([calibration.slope, calibration.offset]), "genuine": calibration.genuine}
    stored = {key: torch.from_numpy(value) for key, value in (tensors | {"weights": calibration.weights}).items()}
    write_tensors(kept.files[0].path.with_name("calibration.safetensors"), stored, {"index": index.name})
    return calibration


def load_published(name: str) -> PictureDetector:
    """An imported and calibrated detector.

    Raises:
        UsageError: `unknown_weights` if it was not imported.
        AssetError: `not_calibrated`; `weights_missing`, `hash_mismatch`, `bad_weights`.
    """
    kept = record(f"detector-{name}")
    stored = read_tensors(kept.files[0].path.with_name("calibration.safetensors"))
    if stored is None:
        hint = f"Run facewright.detect.importing.calibrate({name!r}, index) first."
        raise AssetError("not_calibrated", f"nobody measured what {name} says of genuine clips", hint)
    tensors, facts = stored
    slope, offset = tensors["platt"].tolist()
    calibration = Calibration(slope, offset, tensors["genuine"].numpy(), tensors["weights"].numpy())
    about = {
        "How it works": kept.architecture,
        "Tested": f"calibrated on {facts['index']}; weights: {kept.licences['weights']}",
    }
    return PictureDetector(name, _model(name), calibration, about)


def _model(name: str) -> PublishedModel:
    kept = record(f"detector-{name}")
    check(kept)
    stored = read_tensors(kept.files[0].path)
    assert stored is not None, "check has seen it"
    return PublishedModel(filled(name, stored[0]))


def _score(model: PublishedModel, video: Path) -> float | None:
    """The mean raw score of the face seen longest; None if it is seen too little."""
    reader = VideoReader(video, fps=PictureDetector.fps)
    faces: dict[int, PictureReader] = {}
    last: list[np.ndarray] = []

    def frames():
        for chunk in reader:
            for number in range(len(chunk)):
                last[:] = [chunk[number]]
                yield chunk[number : number + 1]

    for found in track(frames(), fps=PictureDetector.fps):
        for seen in found.faces:
            luma = cv2.cvtColor(last[0], cv2.COLOR_RGB2GRAY)
            observation = Observation(found.index / PictureDetector.fps, last[0], luma, seen.face)
            faces.setdefault(seen.track, PictureReader(model)).push(observation)
    raw = max((reader.raw() for reader in faces.values()), key=len, default=np.empty(0))
    return float(raw.mean()) if len(raw) >= LEAST_FRAMES else None
