"""Still pictures of an index as clips of one frame, beside the crops of videos."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.atomic import telling
from ..core.errors import InputError
from ..core.faces import CropRecipe, crop_face, largest_face
from ..core.faces.crop import transform
from ..core.media import read_image
from ..core.progress import Progress, Report, silent
from .crops import FaceClip
from .index import Entry

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def is_still(entry: Entry) -> bool:
    """Whether a line of an index names a picture; by its suffix."""
    return Path(entry.video).suffix.lower() in PICTURES


def still_crops(
    entries: Sequence[Entry], cache: Path, *, size: int = 256, margin: float = 0.3, progress: Report = silent
) -> list[FaceClip]:
    """The largest face of each picture, cropped once and kept in `cache`; pictures without a face are left out.

    Args:
        entries: with absolute paths.
        size, margin: as in `CropRecipe`.

    Raises:
        InputError: `unreadable`, `empty`, `too_large`.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    recipe = CropRecipe(size, margin)
    folder = cache / f"stills-{size}-{margin}"
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for number, entry in enumerate(entries):
        progress(Progress("crop faces", number, len(entries), "pictures", Path(entry.video).name))
        known = Path(entry.video).stat()
        name = hashlib.sha256(repr((entry.video, known.st_size, known.st_mtime_ns)).encode()).hexdigest()[:16]
        home = folder / name
        if not home.exists():
            _cut(entry, home, recipe)
        if (home / "000.frames.npy").is_file():
            clips.append(FaceClip(entry, 0.0, 1.0, 1, home / "000.frames.npy"))
    return clips


def _cut(entry: Entry, home: Path, recipe: CropRecipe) -> None:
    """Write one picture's crop and landmarks; an empty folder if there is no face."""
    image = read_image(entry.video)
    with telling(home):
        part = Path(tempfile.mkdtemp(dir=home.parent, prefix=".part-"))
    try:
        with telling(home):
            try:
                face = largest_face(image)
            except InputError:
                face = None
            if face is not None:
                crop = crop_face(image, face, recipe)
                np.save(part / "000.frames.npy", crop.image[None])
                np.save(part / "000.landmarks.npy", transform(face.landmarks, crop.matrix).astype(np.float32)[None])
            part.chmod(0o755)
            if not home.exists():
                part.rename(home)
    finally:
        shutil.rmtree(part, ignore_errors=True)
