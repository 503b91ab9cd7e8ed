"""What MEMO hears: features of sound at the rate of the video, and those around each frame.

Baevski et al., wav2vec 2.0, NeurIPS 2020 (arXiv 2006.11477), as transformers has it: the convolutions' 50 features a
second are drawn out or pushed together to the frames before the transformer sees them, so it attends frame by frame.
Networks trained here may hear the features of `nets.audio` that need no encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...latent.timing import resampled
from ...nets.audio import RATE, AudioParams, open_features, pieces
from ...nets.encoders import BLOCK, MARGIN, REACH, SpeechEncoder
from .params import AudioProjectionParams

TICKS = 100  # features a second of what is no encoder


class Listener:
    """Hears frames.

    Args:
        folder: of the encoder, as transformers stores it; None where there is none.
        params: of what its features are for.

    Raises:
        AssetError: as `SpeechEncoder` does.
    """

    def __init__(self, folder: Path | None, params: AudioProjectionParams) -> None:
        self.params, self.encoder = params, None
        if params.kind == "wav2vec2":
            self.encoder = SpeechEncoder(folder, AudioParams("wav2vec2", params.channels, params.layers + 1))
        else:
            self.ticks = open_features(AudioParams(params.kind, params.channels, 1, params.layers))

    def __call__(self, chunks: Iterable[np.ndarray], fps: float) -> Iterator[Tensor]:
        """Mono float32 at 16 kHz → blocks (n, window, layers, channels) at `fps`, whatever the chunks."""
        return around(self.frames(chunks, fps), self.params.window)

    def frames(self, chunks: Iterable[np.ndarray], fps: float) -> Iterator[Tensor]:
        """The same, of each frame alone: blocks (n, layers, channels) at fixed positions.

        An encoder hears 20 s at a time and 2 s around them; what lasts less is heard whole.
        """
        return self._encoded(chunks, fps) if self.encoder else self._ticking(chunks, fps)

    @torch.inference_mode()
    def _encoded(self, chunks: Iterable[np.ndarray], fps: float) -> Iterator[Tensor]:
        assert self.encoder
        start = 0
        for samples, seen, count in pieces(chunks, BLOCK, MARGIN, MARGIN):
            first, end = round(start / RATE * fps), round((start + count) / RATE * fps)
            before = round(seen / RATE * fps)
            frames = max(round(len(samples) / RATE * fps), before + end - first)
            states = hidden_states(self.encoder.net, self._levelled(samples), frames)
            yield states[0, before : before + end - first, 1:]
            start += count

    def _ticking(self, chunks: Iterable[np.ndarray], fps: float) -> Iterator[Tensor]:
        layers, held = self.params.layers, np.zeros((0, self.params.channels), np.float32)
        for rows in resampled((block[:, 0].numpy() for block in self.ticks(chunks)), TICKS, fps * layers):
            held = np.concatenate([held, rows])
            whole = len(held) // layers
            if whole:
                yield torch.from_numpy(held[: whole * layers]).unflatten(0, (whole, layers))
            held = held[whole * layers :]
        if len(held) * 2 > layers:
            yield torch.from_numpy(np.concatenate([held, np.repeat(held[-1:], layers - len(held), 0)]))[None]

    def _levelled(self, samples: np.ndarray) -> Tensor:
        assert self.encoder
        sound = torch.from_numpy(np.pad(samples, (0, max(REACH - len(samples), 0))))
        if self.encoder.normalises:
            sound = (sound - sound.mean()) / (sound.var(unbiased=False) + 1e-7).sqrt()
        return sound[None].to(self.encoder.net.dtype)


def hidden_states(net: Any, sound: Tensor, frames: int) -> Tensor:
    """Mono (b, samples) at 16 kHz, as loud as the encoder wants it → (b, frames, layers + 1, channels).

    The first layer is what enters the transformer.
    """
    heard = F.interpolate(net.feature_extractor(sound), size=frames, mode="linear", align_corners=True)  # b c frames
    hidden, _ = net.feature_projection(heard.transpose(1, 2))
    states: list[Tensor] = []  # transformers hands them out in ways that differ between its versions
    watched = [
        layer.register_forward_pre_hook(lambda _, given: states.append(given[0])) for layer in net.encoder.layers
    ]
    try:
        last = net.encoder(hidden).last_hidden_state
    finally:
        for handle in watched:
            handle.remove()
    return torch.stack([*states, last], 2)


def around(blocks: Iterable[Tensor], window: int) -> Iterator[Tensor]:
    """Blocks (n, …) of frames → blocks (m, window, …), those around each frame; the ends are repeated."""
    reach, held = window // 2, None
    for block in blocks:
        held = (
            torch.cat([block[:1].expand(reach, *block.shape[1:]), block]) if held is None else torch.cat([held, block])
        )
        if len(held) >= window:
            seen = held.unfold(0, window, 1).movedim(-1, 1)  # m window …
            yield seen
            held = held[len(seen) :]
    if held is not None:
        yield torch.cat([held, held[-1:].expand(reach, *held.shape[1:])]).unfold(0, window, 1).movedim(-1, 1)
