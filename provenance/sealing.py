"""The one writer of generated video.

Mark every frame → encode to a temporary file → fingerprint what was encoded → sign a copy → reopen the copy, decode the
mark from its pixels (where it is thin: mark what was encoded once more, and again from there), validate its manifest →
row in the store → put it at the target in one step. A step that fails takes everything with it. Frames are marked
before the encoder sees them, so even `kill -9` leaves at most a hidden file that carries the mark, and the next run in
the folder removes it. There is no switch.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np

from ..core.errors import FacewrightError, InputError, RefusedError, UsageError
from ..core.progress import Progress, Report, silent
from . import fingerprint
from .coating import MOST, coat, firm
from .encoding import Stopwatch, encode
from .keys import Signer, default_signer
from .manifest import sign
from .reading import UNTRUSTED, read_manifest
from .record import Draft, Record, new_record_id
from .stamping import add_stamp, authority
from .store import Store
from .target import check_target, claim
from .watermark import MarkReading, read_mark
from .watermark.sound import read_sound_mark

PACKAGES = ("facewright", "numpy", "torch", "av", "opencv-python", "mediapipe", "c2pa-python")


@dataclass(frozen=True)
class Sealed:
    """A finished file.

    Attributes:
        path: where it stands.
        record_id: what its watermark, its manifest and the store call it.
        frames, seconds: of the video.
        compute: seconds spent to "mark", "encode", "sign" and "check".
    """

    path: Path
    record_id: str
    frames: int
    seconds: float
    compute: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-friendly."""
        return {**asdict(self), "path": str(self.path)}


def seal(
    chunks: Iterable[np.ndarray],
    target: str | Path,
    *,
    draft: Draft,
    fps: Fraction | float,
    width: int,
    height: int,
    record_id: str | None = None,
    marked: bool = False,
    audio: Iterable[np.ndarray] | None = None,
    audio_rate: int | None = None,
    metadata: Mapping[str, str] | None = None,
    crf: float = 18,
    force: bool = False,
    total: int | None = None,
    signer: Signer | None = None,
    store: Store | None = None,
    progress: Report = silent,
) -> Sealed:
    """Write a generated video: marked, signed, checked, or not at all.

    Args:
        chunks: uint8 RGB (T, height, width, 3); pulled as needed, so a generator may render as it goes.
        target: an MP4 or QuickTime file name; the folder must exist.
        draft: what the generator declares.
        fps: frames per second.
        width, height: pixels.
        record_id: 16 hex digits; a new one if None.
        marked: the chunks carry the mark of `record_id` already. Checked in the end like any other.
        audio: mono float32 samples at `audio_rate`, pulled along with the frames; what exceeds the video is left.
        metadata: tags of the file, such as those of a `Label`.
        crf: x264's constant rate factor; the larger, the smaller the file, until it cannot hold the mark.
        force: an existing target may be replaced.
        total: number of frames if known, for the progress.
        signer: default: the user's identity, or the local signer.
        store: default: `Store()`.
        progress: is told about "seal", "sign" and "check".

    Raises:
        UsageError: a target that cannot be; see `check_target`.
        RefusedError: "mark_failed", "sign_failed", "key_exposed", and "stamp_failed" where `FACEWRIGHT_TSA_URL` is set.
        MachineError: "busy", "disk_full", "read_only", "store".
        InputError: "empty" if there was not one frame; "unreadable" if an ingredient cannot be read.
        Whatever `chunks` or `audio` raise.
    """
    target = check_target(target, force, [item.path for item in draft.ingredients])
    if marked and record_id is None:
        raise UsageError("usage", "Marked chunks need the record_id of their mark.")
    if record_id is not None and not re.fullmatch("[0-9a-f]{16}", record_id):
        raise UsageError("usage", f"A record id is 16 hex digits, not {record_id!r}.")
    if (audio is None) != (audio_rate is None):
        raise UsageError("usage", "audio and audio_rate belong together.")
    record_id = record_id or new_record_id()
    signer = signer or default_signer()
    store = Store() if store is None else store  # an empty one is false
    draft_fields = {**_shallow(draft), "ingredients": tuple(item.measured() for item in draft.ingredients)}
    watch = Stopwatch()
    with claim(target) as held:
        encoded = held.temporary()
        frames, pixels = encode(
            chunks,
            encoded,
            fps=fps,
            width=width,
            height=height,
            mark=None if marked else record_id,
            sound_mark=record_id,
            audio=audio,
            audio_rate=audio_rate,
            metadata=metadata,
            total=total,
            progress=progress,
            watch=watch,
            crf=crf,
        )
        for further in range(MOST + 1):
            progress(Progress("check", 0, 2, "steps"))
            with watch("check"):
                likeness = fingerprint.measure(encoded).to_bytes()
                sound = sound_report(encoded, record_id) if audio is not None else None
            record = Record(
                **draft_fields,
                record_id=record_id,
                created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                versions=_versions(),
                width=width,
                height=height,
                fps=str(Fraction(fps).limit_denominator(1001)),
                frames=frames,
                seconds=frames / float(fps),
                fingerprint_sha256=fingerprint.digest(likeness),
                pixels_sha256=pixels,
                sound=sound,
            )
            progress(Progress("sign", 0, 1, "steps"))
            with watch("sign"):
                signed = held.temporary()
                manifest = sign(encoded, signed, record, signer, target.name)
            progress(Progress("check", 1, 2, "steps"))
            with watch("check"):
                reading = read_mark(signed)
            if further == MOST or firm(reading, record_id) or (marked and not reading.found):
                break
            thin, encoded = encoded, held.temporary()
            coat(thin, encoded, record_id, reading, fps=fps, metadata=metadata, progress=progress, watch=watch, crf=crf)
            thin.unlink()
            signed.unlink()
        encoded.unlink()
        if url := authority():
            with watch("sign"):
                signed, unstamped = held.temporary(), signed
                add_stamp(unstamped, signed, signer, url)
                unstamped.unlink()
        with watch("check"):
            check(reading, signed, record_id)
        with _recorded(store, record, manifest, likeness):
            held.publish(signed, force)
    progress(Progress("check", 2, 2, "steps"))
    return Sealed(target, record_id, frames, record.seconds, watch.seconds)


def check(reading: MarkReading, path: Path, record_id: str) -> None:
    """Refuse a signed file unless its pixels, as read, and its manifest both give `record_id`.

    Raises:
        RefusedError: "mark_failed" or "sign_failed".
    """
    if not reading.found or reading.record_id != record_id:
        found = f"another id, {reading.record_id}" if reading.found else "none"
        raise RefusedError(
            "mark_failed",
            f"The encoded video does not give its watermark back ({found} found), so no file was written.",
            "Very short, dark or flat videos cannot hold the mark: make it longer, larger or more varied.",
        )
    manifest = read_manifest(path)
    if not manifest.valid or manifest.record_ids != {record_id} or set(manifest.failures) - {UNTRUSTED}:
        failures = ", ".join(manifest.failures) or manifest.problem or "no manifest"
        raise RefusedError("sign_failed", f"The signed file does not validate ({failures}), so no file was written.")


def sound_report(path: Path, record_id: str) -> dict[str, Any] | None:
    """What the record says of the mark in the sound of an encoded file, by reading it back; None without sound.

    The picture's mark is the one that a sealed file must have. Sound may be silent or a second long, and the video is
    none the worse for it; so the record says that the sound carries no mark, and the seal goes on.
    """
    try:
        reading = read_sound_mark(path)
    except InputError as error:
        if error.code in ("no_audio", "empty", "too_short"):
            return None
        raise
    if reading.record_id == record_id:
        return {"marked": True}
    if reading.found:
        reason = "the sound came with the watermark of another record"
        return {"marked": False, "reason": reason, "carries": reading.record_id}
    return {"marked": False, "reason": "the sound is too short, too quiet or sampled too slowly to carry the watermark"}


@contextlib.contextmanager
def _recorded(store: Store, record: Record, manifest: bytes, likeness: bytes) -> Iterator[None]:
    """The row stands before the file does, so that no file is without; it goes if the file does not come."""
    try:
        store.add(record, manifest, likeness)
        yield
    except BaseException:
        with contextlib.suppress(FacewrightError):
            store.remove(manifest)
        raise


def _shallow(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in Draft.__dataclass_fields__}


def _versions() -> dict[str, str]:
    found = {"python": python_version()}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
