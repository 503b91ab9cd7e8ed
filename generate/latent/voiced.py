"""Clips as the second stage learns from them: motion codes, and the sound they go with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...core.faces import euler, fit_pose
from ...core.media import AudioReader, probe
from ...core.progress import Progress, Report
from ...datasets.crops import FaceClip
from ..nets.audio import RATE, AudioParams, features, open_features
from ..nets.latentwarp import LatentWarp
from ..nets.windows import FPS
from .hybrid import hybrid
from .samples import picture

ENCODED_AT_ONCE = 16
STYLE_FRAMES = 50  # of a clip whose manner is taken over, in training and in use


@dataclass(frozen=True)
class Voiced:
    """One clip of T frames.

    Attributes:
        identity: who.
        codes: float32 (T, d).
        appearance: float32 (T, h), the appearance code of each frame.
        pose: float32 (T, 3), yaw, pitch, roll in units of 90°.
        location, scale: float32 (T, 1) in [0, 1]: across the crop, and the face's height in it.
        sound: float32 (T, substeps, layers, channels).
    """

    identity: str
    codes: np.ndarray
    appearance: np.ndarray
    pose: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    sound: np.ndarray


def voiced_clips(
    clips: Sequence[FaceClip], net: LatentWarp, audio: AudioParams, cache: Path, *, shortest: int, progress: Report
) -> list[Voiced]:
    """All clips that have sound and `shortest` frames, encoded once and kept in `cache`.

    Args:
        net: the first stage; what is kept depends on its weights, so each set of weights has its own files.
        shortest: frames below which a clip is of no use.
    """
    digest = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        digest.update(name.encode() + tensor.contiguous().cpu().numpy().tobytes())
    folder = cache / f"codes-{digest.hexdigest()[:12]}-{audio.kind}"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, clip in enumerate(clips):
        progress(Progress("encode clips", number, len(clips), "clips"))
        if len(clip.frames) < shortest or probe(clip.video).audio is None:
            continue
        path = folder / f"{hashlib.sha256(clip.name.encode()).hexdigest()[:16]}.npz"
        if not path.exists():
            part = path.with_suffix(".part.npz")
            np.savez(part, **_encoded(clip, net, _heard(clip, audio, cache)))
            part.replace(path)
        with np.load(path) as kept:
            found.append(Voiced(clip.identity, **{name: kept[name] for name in kept.files}))
    return found


def _encoded(clip: FaceClip, net: LatentWarp, heard: np.ndarray) -> dict[str, np.ndarray]:
    codes, appearance = [], []
    for first in range(0, len(clip.frames), ENCODED_AT_ONCE):
        part = slice(first, first + ENCODED_AT_ONCE)
        images = torch.from_numpy(np.stack([picture(frame) for frame in clip.frames[part]]))
        landmarks = np.asarray(clip.landmarks[part])
        codes.append(motion_codes(net, images, landmarks))
        with torch.inference_mode():
            appearance.append(net.encoder(images)[0])
    poses = [fit_pose(points) for points in clip.landmarks]
    size = clip.frames.shape[1]
    spans = np.ptp(clip.landmarks[:, :, 1], axis=1)
    count = min(len(heard), len(clip.frames))
    arrays = {
        "codes": torch.cat(codes).numpy(),
        "appearance": torch.cat(appearance).numpy(),
        "pose": np.array([euler(pose.rotation) for pose in poses]) / (np.pi / 2),
        "location": np.array([[points[:, 0].mean() / size] for points in clip.landmarks]),
        "scale": spans[:, None] / size,
        "sound": heard,
    }
    return {name: np.asarray(array[:count], np.float32) for name, array in arrays.items()}


@torch.inference_mode()
def motion_codes(net: LatentWarp, images: Tensor, landmarks: np.ndarray) -> Tensor:
    """Motion codes (b, d) of pictures (b, 3, h, w); INFP's encoder is shown hybrid ones."""
    return net.motion(hybrid(images, landmarks) if net.params.own_motion_encoder else images)


def _heard(clip: FaceClip, audio: AudioParams, cache: Path) -> np.ndarray:
    """Features (T, substeps, layers, channels) of a clip's sound, which all first stages share, kept in `cache`."""
    name = f"{clip.path.parent.name}-{clip.path.name.split('.')[0]}-{clip.start:.3f}-{clip.length}"
    path = cache / f"sound-{audio.kind}" / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        reader = AudioReader(clip.video, rate=RATE, start=clip.start, seconds=len(clip.frames) / FPS)
        heard = torch.cat(list(features(iter(reader), open_features(audio), audio.substeps)))
        part = path.with_suffix(".part.npy")
        np.save(part, heard.numpy())
        part.replace(path)
    return np.load(path)
