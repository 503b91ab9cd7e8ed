"""`load` a method, call it with a portrait and a drive, get a lazy clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import UsageError
from .clip import Clip, even_size
from .drive import Drive, LipSyncDrive, SpeechDrive
from .methods import registry

if TYPE_CHECKING:
    import numpy as np

    from ..provenance.labels import Label
    from .method import Method

SMALLEST, LARGEST = 256, 2160
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")


class Talker:
    """A loaded method. Calling it prepares the face and returns a `Clip`; nothing is rendered yet."""

    def __init__(self, method: Method, weights: str | None = None) -> None:
        self.method, self.weights = method, weights

    def __call__(
        self,
        portrait: str | Path | np.ndarray,
        drive: str | Path | Drive,
        *,
        seed: int = 0,
        fps: float | Fraction | None = None,
        size: int | None = None,
        face: int | None = None,
        seconds: float | None = None,
        consent: str | None = None,
        chunk: int = 16,
        label: Label | None = None,
        **controls: Any,
    ) -> Clip:
        """Prepare a clip.

        Args:
            portrait: picture with a face: a file, or uint8 RGB (H, W, 3); a video for methods that dub one.
            drive: sound file (its voice is spoken), or a `Drive`.
            seed: names the head motion, blinks and gaze that are drawn.
            fps: frames per second, 10 to 60; the method's own by default.
            size: short side of the video in pixels, 256 to 2160; the picture's own up to 1080 by default.
            face: which face of several, 0 the largest; by default the largest, with a warning.
            seconds: make only the first so many seconds.
            consent: statement of who agreed to what, kept in the signed manifest.
            chunk: frames at a time.
            label: what a law asks to be shown, written and heard; none by default.
            controls: knobs of the method (`talker.method.card.controls`).

        Raises:
            InputError: no_face, face_too_small, no_such_face, unreadable, no_audio, too_short.
            UsageError: unknown_control, bad_control, usage.
        """
        import cv2

        from ..core.faces import choose_face, find_faces
        from ..core.media import VideoReader, read_image

        card = self.method.card
        drive = drive if isinstance(drive, Drive) else SpeechDrive.open(drive, limit=seconds)
        filmed = None
        if isinstance(portrait, str | Path) and Path(portrait).suffix.lower() in VIDEOS:
            filmed = Path(portrait)
        if filmed and drive.kind == SpeechDrive.kind:
            drive = LipSyncDrive.of(drive.path, filmed, limit=drive.limit)
        if drive.kind not in card.drives:
            raise UsageError("usage", f"{card.name} takes no {drive.kind}", f"It takes: {', '.join(card.drives)}.")
        if drive.style and not (card.styles and drive.kind != "video"):
            raise UsageError("usage", f"{card.name} takes over nobody's manner", "Leave the style away.")
        rate = Fraction(fps if fps is not None else card.fps).limit_denominator(1001)
        for name, value, low, high in (
            ("fps", rate, 10, 60),
            ("size", size or SMALLEST, SMALLEST, LARGEST),
            ("chunk", chunk, 1, 256),
        ):
            if not low <= value <= high:
                raise UsageError("usage", f"{name} cannot be {value}", f"Give {low} to {high}.")
        resolved = card.resolve(controls)

        picture = next(iter(VideoReader(filmed, chunk=1)))[0] if filmed else read_image(portrait)
        rows, columns = picture.shape[:2]
        height, width = even_size(rows, columns, size)
        if min(height, width) < SMALLEST:
            height, width = even_size(rows, columns, SMALLEST)
        if (height, width) != (rows, columns):
            shrinks = height < rows
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        faces = find_faces(picture)
        several = len(faces) > 1 and face is None
        note = f"{len(faces)} faces found; the largest is animated (choose with face=0..{len(faces) - 1})"
        return Clip(
            method=self.method,
            state=self.method.prepare(picture, choose_face(faces, choose=face)),
            portrait=Path(portrait) if isinstance(portrait, str | Path) else None,
            drive=drive,
            width=width,
            height=height,
            fps=rate,
            seed=seed,
            controls=resolved,
            options={
                "fps": str(rate),
                "size": min(height, width),
                "face": face or 0,
                "seconds": drive.limit,
                "drive": drive.kind,
                "weights": self.weights,
            },
            weights=registry.weight_hashes(self.method.records),
            consent=consent,
            chunk=chunk,
            label=label,
            warnings=(note,) if several else (),
        )


def load(name: str = "meshwarp", *, device: str = "auto", weights: str | None = None) -> Talker:
    """Load a method by name, its weights checked against their record.

    Args:
        device: "auto", "cpu" or "cuda".
        weights: name of another weight record, such as one that was imported; the method's own by default.

    Raises:
        UsageError: `unknown_method`.
        AssetError: `weights_missing`, `hash_mismatch`.
    """
    return Talker(registry.method(name)(device=device, weights=weights), weights)
