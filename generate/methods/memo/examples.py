"""What MEMO learns from: clips as latents, with what is heard in them and the emotion that their files name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ....core.media import AudioReader, probe
from ....core.progress import Progress, Report
from ....datasets.crops import FaceClip
from ...latent.samples import face_weight
from ...ldm.latents import digest, encoded
from ...nets.audio import RATE
from ...nets.ldm.vae import VAE
from .hearing import Listener
from .params import NULL

SAID = {"anger": "angry", "happiness": "happy", "joy": "happy", "sadness": "sad", "surprise": "surprised"}
SAID |= {"fear": "fearful", "disgust": "disgusted", "calm": "neutral"}  # other words for the same classes


@dataclass(frozen=True)
class Example:
    """One clip of T frames.

    Attributes:
        identity: who.
        latents: float16 (T, c, h, w).
        sound: float32 (T, layers, channels), or None where nobody asked for it.
        emotion: its class, `NULL` where nobody named one.
        landmarks: float32 (T, 478, 3), in pixels of pictures of `side`.
    """

    identity: str
    latents: np.ndarray
    sound: np.ndarray | None
    emotion: int
    landmarks: np.ndarray
    side: int

    def weight(self, frame: int) -> np.ndarray:
        """How much each place of a frame's latent counts, float32 (1, h, w): lips and eyes more than the rest."""
        return cv2.resize(
            face_weight(np.asarray(self.landmarks[frame]), self.side)[0],
            self.latents.shape[:1:-1],
            interpolation=cv2.INTER_AREA,
        )[None]

    def __len__(self) -> int:
        return len(self.latents)


def examples(
    clips: Sequence[FaceClip],
    vae: VAE,
    cache: Path,
    *,
    emotions: Sequence[str] = (),
    listener: Listener | None = None,
    shortest: int = 2,
    progress: Report,
) -> list[Example]:
    """Clips of at least `shortest` frames, encoded once for each auto-encoder; with a listener, those with sound."""
    folder = cache / f"latents-{digest(vae)}"
    found = []
    for number, clip in enumerate(clips):
        progress(Progress("encode clips", number, len(clips), "clips"))
        if clip.length < shortest or (listener and probe(clip.video).audio is None):
            continue
        stem = hashlib.sha256(f"{clip.path}".encode()).hexdigest()[:16]
        latents, sound = encoded(clip.frames, vae, folder / f"{stem}.npy"), None
        if listener:
            sound = heard(clip, listener, cache / f"sound-{listener.params.kind}" / f"{stem}-{clip.fps:g}.npy")
            latents = latents[: len(sound)]
        found.append(
            Example(clip.identity, latents, sound, emotion_of(clip.video, emotions), clip.landmarks, vae.params.side)
        )
    return found


def heard(clip: FaceClip, listener: Listener, path: Path) -> np.ndarray:
    """What is heard in each frame of a clip, float32 (T, layers, channels), kept in `path`."""
    if not path.exists():
        reader = AudioReader(clip.video, rate=RATE, start=clip.start, seconds=clip.seconds)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        np.save(part, torch.cat(list(listener.frames(iter(reader), clip.fps))).numpy())
        part.replace(path)
    return np.load(path)[: clip.length]


def emotion_of(video: Path, emotions: Sequence[str]) -> int:
    """The class that a word of a path names ("happy/level_2/004.mp4", "anna_sad.mp4"), the last one; else `NULL`."""
    words = [SAID.get(word, word) for word in re.split(r"[^a-z]+", str(video).lower())]
    named = [emotions.index(word) for word in words if word in emotions]
    return named[-1] if named else NULL
