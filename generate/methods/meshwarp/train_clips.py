"""Real clips as training data: landmarks tracked, rigid motion taken out, sound beside them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....core.errors import AssetError, InputError
from ....core.faces import topology, track
from ....core.media import VideoReader, probe, read_audio
from ....core.progress import Progress, Report, silent
from .basis import lip_gap
from .observe import observe, pose_change

TERMS = ("A", "B")  # licence classes that shipped weights may learn from


@dataclass(frozen=True)
class Source:
    """A row of a data folder's MANIFEST.csv: where a file lies, whose it is, under which terms."""

    path: Path
    name: str
    identity: str
    terms: str
    kind: str
    licence: str


def manifest(data: Path, folder: str, terms: tuple[str, ...] = TERMS) -> list[Source]:
    """Files of one folder of `data` that may be learned from, in the manifest's order.

    Raises:
        AssetError: `data_missing` if there is no manifest.
    """
    path = data / "MANIFEST.csv"
    if not path.is_file():
        raise AssetError("data_missing", f"{data} has no MANIFEST.csv", "Name the folder that holds the training data.")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["file"].startswith(f"{folder}/") and row["class"] in terms]
    return [
        Source(
            data / row["file"],
            Path(row["file"]).stem,
            row["identity_id"],
            row["class"],
            row["kind"],
            row["licence_terms"],
        )
        for row in rows
        if (data / row["file"]).is_file()
    ]


@dataclass(frozen=True)
class Clip:
    """A tracked clip of one person.

    Attributes:
        name, identity, fps: which.
        head: float32 (T, 478, 3), landmarks in head units.
        pose: float64 (T, 6), as `FaceMotion.pose` but against the mean face.
        samples: float32 (n,), 16 kHz; empty where the clip is silent.
    """

    name: str
    identity: str
    fps: float
    head: np.ndarray
    pose: np.ndarray
    samples: np.ndarray

    def neutral(self) -> np.ndarray:
        """The person's resting face (478, 3): the median of the frames whose lips are closest to shut."""
        gap = lip_gap(self.head).mean(1)
        return np.median(self.head[gap <= max(np.quantile(gap, 0.08), 0.015)], axis=0)


def read_clip(source: Source) -> Clip | None:
    """Track one clip; None if its face is lost for more than a few frames or changes."""
    reader = VideoReader(source.path)
    rows: list[np.ndarray] = []
    lost = 0
    for frame in track(reader, fps=float(reader.fps)):
        if frame.cut:
            return None
        if frame.faces:
            rows.append(frame.faces[0].face.landmarks)
        elif rows:
            rows.append(rows[-1])
            lost += 1
    if len(rows) < 20 or lost > 0.05 * len(rows):
        return None
    samples = np.zeros(0, np.float32)
    if probe(source.path).audio is not None:
        try:
            samples = read_audio(source.path)
        except InputError:  # a sound track without samples
            samples = np.zeros(0, np.float32)
    if np.sqrt(np.mean(samples**2)) < 1e-3 if len(samples) else True:
        samples = np.zeros(0, np.float32)
    seen = observe(np.stack(rows))
    pose = pose_change(seen, np.eye(3), seen.translation.mean(0), float(np.median(seen.scale)))
    return Clip(source.name, source.identity, float(reader.fps), seen.head, pose, samples)


def read_clips(data: Path, cache: Path, *, progress: Report = silent) -> list[Clip]:
    """All usable clips of `data`/video_real; what was tracked before is read from `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    sources = [
        source for source in manifest(data, "video_real") if source.kind == "real" and source.path.suffix != ".wav"
    ]
    clips = []
    for number, source in enumerate(sources):
        progress(Progress(f"track {source.name}", number, len(sources), "clips"))
        path = cache / f"{source.name}.npz"
        if not path.exists() and (clip := read_clip(source)):
            np.savez(path, fps=clip.fps, head=clip.head, pose=clip.pose, samples=clip.samples)
        if path.exists():
            with np.load(path) as stored:
                head, pose, samples = stored["head"], stored["pose"], stored["samples"]
                clips.append(Clip(source.name, source.identity, float(stored["fps"]), head, pose, samples))
    return clips


def mirrored(shape: np.ndarray) -> np.ndarray:
    """Displacements (…, 478, 3) of the mirror image."""
    return shape[..., topology.MIRROR, :] * np.array([-1, 1, 1], np.float32)
