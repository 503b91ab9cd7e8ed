"""What a motion model hears: features of sound at a fixed number of sub-steps per video frame, as a stream of blocks.

    logmel    log-mel energies at 100 Hz
    mfcc      39 cepstra of AniTalker's mfcc variants at 100 Hz (`mfcc`)
    phones    probabilities of meshwarp's phone network and loudness at 100 Hz: small, and its weights ship
    wav2vec2  last hidden state of a wav2vec2 encoder at 50 Hz (`encoders`)
    hubert    all hidden states of a HuBERT encoder at 50 Hz (`encoders`)

Blocks lie at fixed positions: the same sound gives the same features, however it arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import UsageError

RATE, FRAME = 16000, 640  # Hz, and samples of a frame at 25 per second


@dataclass(frozen=True)
class AudioParams:
    """Which features, and their form.

    Attributes:
        kind: a name of the table above.
        channels: of one feature vector.
        layers: hidden states that are kept; a model weights them.
        substeps: feature vectors of one video frame.
        front: width of a trainable front end (`FrontEnd`) on top of them; 0 for none.
    """

    kind: str = "hubert"
    channels: int = 1024
    layers: int = 25
    substeps: int = 2
    front: int = 0

    @property
    def width(self) -> int:
        """Channels that a model meets."""
        return self.front or self.channels


KINDS = {
    "logmel": AudioParams("logmel", 80, 1, 4, front=96),
    "mfcc": AudioParams("mfcc", 39, 1, 4),
    "phones": AudioParams("phones", 26, 1, 4),
    "wav2vec2": AudioParams("wav2vec2", 768, 1, 2),
    "hubert": AudioParams("hubert", 1024, 25, 2),
}


class FrontEnd(nn.Module):
    """A few convolutions over sub-steps, so that features of 10 ms each know what is around them (± 120 ms)."""

    def __init__(self, params: AudioParams, dilations: tuple[int, ...] = (1, 2, 3)) -> None:
        super().__init__()
        width = params.front
        self.stem = nn.Linear(params.channels, width)
        self.time = nn.ModuleList(
            nn.Conv1d(width, width, 5, padding=2 * step, dilation=step, groups=width) for step in dilations
        )
        self.mix = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            for _ in dilations
        )

    def forward(self, features: Tensor) -> Tensor:
        """(b, n, substeps, 1, channels) → (b, n, substeps, 1, front)."""
        x = self.stem(features).flatten(1, 3)  # b n·substeps front
        for time, mix in zip(self.time, self.mix, strict=True):
            x = x + mix(time(x.transpose(1, 2)).transpose(1, 2))
        return x.unflatten(1, features.shape[1:4])


def front_end(params: AudioParams) -> nn.Module:
    """The trainable front end of `params`, or none."""
    return FrontEnd(params) if params.front else nn.Identity()


class Ticks(Protocol):
    """A way to hear: chunks of mono float32 at 16 kHz → blocks (t, layers, channels) of sub-steps."""

    def __call__(self, chunks: Iterable[np.ndarray]) -> Iterator[Tensor]: ...


def open_features(params: AudioParams, folder: Path | None = None) -> Ticks:
    """The listener of `params`.

    Args:
        folder: where the encoder of wav2vec2 or hubert lies; nothing is ever downloaded.

    Raises:
        AssetError: `weights_missing` if that folder holds no encoder.
        UsageError: `bad_features` for an unknown kind.
    """
    if params.kind == "logmel":
        return lambda chunks: _log_mel(chunks, params.channels)
    if params.kind == "phones":
        return _phones
    if params.kind == "mfcc":
        from .mfcc import stream

        return stream
    if params.kind in ("wav2vec2", "hubert"):
        from .encoders import SpeechEncoder

        return SpeechEncoder(folder, params)
    raise UsageError("bad_features", f"there are no features {params.kind!r}", f"There are: {', '.join(KINDS)}.")


def features(chunks: Iterable[np.ndarray], ticks: Ticks, substeps: int) -> Iterator[Tensor]:
    """Blocks (n, substeps, layers, channels) of whole video frames, as many as the sound lasts (rounded).

    At the end, where the last frame reaches past the sound, the last sub-step stands still.
    """
    samples, frames, held = 0, 0, None

    def counted() -> Iterator[np.ndarray]:
        nonlocal samples
        for chunk in chunks:
            samples += len(chunk)
            yield chunk

    for block in ticks(counted()):
        held = block if held is None else torch.cat([held, block])
        # the last frames wait for the end: rounding may take one away
        if (whole := len(held) // substeps - 1) > 0:
            yield held[: whole * substeps].unflatten(0, (whole, substeps))
            frames, held = frames + whole, held[whole * substeps :]
    rest = max(round(samples / FRAME), 1) - frames
    if held is not None and samples and rest > 0:
        held = torch.cat([held, held[-1:].expand(max(rest * substeps - len(held), 0), -1, -1)])
        yield held[: rest * substeps].unflatten(0, (rest, substeps))


def pieces(chunks: Iterable[np.ndarray], size: int, before: int, after: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """(samples, seen, count) at fixed positions: `count` ≤ size samples that are new, `seen` ≤ before those ahead of
    them, and up to `after` behind; nothing is put where the sound is not."""
    held, seen = np.zeros(0, np.float32), 0
    for chunk in chunks:
        held = np.concatenate([held, np.asarray(chunk, np.float32)])
        while len(held) >= seen + size + after:
            yield held[: seen + size + after], seen, size
            drop = max(seen + size - before, 0)
            held, seen = held[drop:], seen + size - drop
    while len(held) > seen:
        count = min(len(held) - seen, size)
        yield held[: seen + count + after], seen, count
        drop = max(seen + count - before, 0)
        held, seen = held[drop:], seen + count - drop


def _log_mel(chunks: Iterable[np.ndarray], bands: int) -> Iterator[Tensor]:
    from ..methods.meshwarp.voice import HOP, WINDOW, log_energy, mel_filters, power_spectrum

    filters, half = mel_filters(bands), WINDOW // 2
    for samples, seen, count in pieces(chunks, RATE, half, half):
        ahead = F.pad(torch.from_numpy(samples), (half - seen, 0))
        needed = -(-count // HOP) * HOP - HOP + WINDOW  # a tick is centred on its instant
        ahead = F.pad(ahead, (0, max(needed - len(ahead), 0)))[:needed]
        yield log_energy(power_spectrum(ahead), filters)[:, None]  # t 1 bands


def _phones(chunks: Iterable[np.ndarray]) -> Iterator[Tensor]:
    from ..methods.meshwarp.motion_weights import FOLDER, VOICE, load_voice
    from ..methods.meshwarp.voice import Listener

    for heard in Listener(load_voice(FOLDER / VOICE)).stream(chunks):
        yield torch.from_numpy(np.concatenate([heard.phones, heard.energy[:, None]], 1))[:, None]  # t 1 26
