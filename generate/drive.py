"""What drives a face: a voice or a video, read as streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from ..core.errors import InputError
from ..core.media import AudioReader, probe
from ..provenance import Ingredient

if TYPE_CHECKING:
    import numpy as np

SHORTEST_SECONDS = 0.2


@dataclass(frozen=True)
class Drive:
    """A file that drives a face, or its first `limit` seconds.

    Attributes:
        style: video of somebody whose manner of moving is taken over, for methods that do so (`in_style`).

    Raises (from `open`):
        InputError: `unreadable`, `no_audio`, `no_video`, `too_short`.
    """

    path: Path
    seconds: float
    sounds: bool
    limit: float | None = None
    style: Path | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = ""

    @classmethod
    def open(cls, path: str | Path, *, limit: float | None = None) -> Drive:
        raise NotImplementedError

    def audio(self, rate: int) -> Iterator[np.ndarray]:
        """Mono float32 chunks at `rate` Hz, from the same instant as the first frame."""
        return iter(AudioReader(self.path, rate=rate, chunk=rate, seconds=self.limit))

    def in_style(self, path: str | Path) -> Self:
        """The same drive with a video of somebody whose manner of moving is taken over.

        Raises:
            InputError: `unreadable`, `no_video`, `too_short`.
        """
        return replace(self, style=VideoDrive.open(path).path)

    def ingredients(self) -> list[Ingredient]:
        """The files it consists of, for the manifest."""
        return [Ingredient(str(self.style), "style", self.style.name)] if self.style else []

    @staticmethod
    def _length(path: Path, seconds: float, limit: float | None) -> float:
        if seconds < SHORTEST_SECONDS:
            raise InputError(
                "too_short",
                f"{path.name} lasts {seconds:.2f} s",
                f"Give at least {SHORTEST_SECONDS:g} s of sound or video.",
            )
        return min(seconds, limit) if limit else seconds


@dataclass(frozen=True)
class SpeechDrive(Drive):
    """A voice: any file with a sound stream."""

    kind: ClassVar[str] = "speech"

    @classmethod
    def open(cls, path: str | Path, *, limit: float | None = None) -> SpeechDrive:
        path = Path(path)
        info = probe(path)
        if info.audio is None:
            raise InputError(
                "no_audio", f"{path.name} has no sound", "Give a sound file, or a video with a sound track."
            )
        return cls(path, cls._length(path, info.audio.seconds or info.seconds, limit), True, limit)

    def ingredients(self) -> list[Ingredient]:
        return [Ingredient(str(self.path), "audio", self.path.name), *Drive.ingredients(self)]


@dataclass(frozen=True)
class DialogueDrive(SpeechDrive):
    """Both voices of a conversation: the one of the portrait, which is heard in the video, and the partner's.

    Attributes:
        partner: file with the other voice; it counts as silent after its end.
    """

    partner: Path | None = None

    kind: ClassVar[str] = "dialogue"

    @classmethod
    def of(cls, path: str | Path, partner: str | Path, *, limit: float | None = None) -> DialogueDrive:
        """Both tracks, which begin at the same instant.

        Raises:
            InputError: as `open` does, for either file.
        """
        own, other = SpeechDrive.open(path, limit=limit), SpeechDrive.open(partner)
        return cls(own.path, own.seconds, own.sounds, own.limit, other.path)

    def partner_audio(self, rate: int) -> Iterator[np.ndarray]:
        """Mono float32 chunks of the partner's voice."""
        return iter(AudioReader(self.partner, rate=rate, chunk=rate, seconds=self.limit)) if self.partner else iter(())

    def ingredients(self) -> list[Ingredient]:
        partner = [Ingredient(str(self.partner), "partner", self.partner.name)] if self.partner else []
        return super().ingredients() + partner


@dataclass(frozen=True)
class LipSyncDrive(SpeechDrive):
    """A voice for the face of a video, whose own sound is left out.

    Attributes:
        video: its file; the clip is as long as the shorter of the two.
    """

    video: Path = Path()

    kind: ClassVar[str] = "lipsync"

    @classmethod
    def of(cls, path: str | Path, video: str | Path, *, limit: float | None = None) -> LipSyncDrive:
        """A voice and a video.

        Raises:
            InputError: as `open` does, for either file.
        """
        shown = VideoDrive.open(video, limit=limit)
        voice = SpeechDrive.open(path, limit=shown.seconds)
        return cls(voice.path, voice.seconds, voice.sounds, voice.limit, shown.path)


@dataclass(frozen=True)
class VideoDrive(Drive):
    """A video whose face is followed; its sound, if any, goes along."""

    kind: ClassVar[str] = "video"

    @classmethod
    def open(cls, path: str | Path, *, limit: float | None = None) -> VideoDrive:
        path = Path(path)
        info = probe(path)
        if info.video is None:
            raise InputError("no_video", f"{path.name} has no picture", "Give a video file.")
        return cls(path, cls._length(path, info.seconds, limit), info.audio is not None, limit)

    def ingredients(self) -> list[Ingredient]:
        return [Ingredient(str(self.path), "video", self.path.name), *Drive.ingredients(self)]


@dataclass(frozen=True)
class RendersDrive(VideoDrive):
    """A video of a rendered body mesh, in the pose that every frame shall have; its sound, if any, goes along."""

    kind: ClassVar[str] = "renders"
