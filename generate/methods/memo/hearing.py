"""What MEMO hears: hidden states of wav2vec2 at the rate of the video.

Baevski et al., wav2vec 2.0, NeurIPS 2020 (arXiv 2006.11477), as transformers has it. The convolutions' 50 features a
second are drawn out or pushed together to the frames before the transformer sees them, so it attends frame by frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...nets.audio import RATE, AudioParams, pieces
from ...nets.encoders import BLOCK, MARGIN, REACH, SpeechEncoder
from .params import AudioProjectionParams


class Listener:
    """A wav2vec2 encoder that hears frames.

    Args:
        folder: of the encoder, as transformers stores it.
        params: of what its states are for.

    Raises:
        AssetError: as `SpeechEncoder` does.
    """

    def __init__(self, folder: Path | None, params: AudioProjectionParams) -> None:
        self.encoder = SpeechEncoder(folder, AudioParams("wav2vec2", params.channels, params.layers + 1))
        self.params = params

    @torch.inference_mode()
    def __call__(self, chunks: Iterable[np.ndarray], fps: float) -> Iterator[Tensor]:
        """Mono float32 at 16 kHz → blocks (n, window, layers, channels) at `fps`, at fixed positions.

        The encoder hears 20 s at a time and 2 s around them; what lasts less is heard whole.
        """
        start = 0
        for samples, seen, count in pieces(chunks, BLOCK, MARGIN, MARGIN):
            first, end = round(start / RATE * fps), round((start + count) / RATE * fps)
            before = round(seen / RATE * fps)
            frames = max(round(len(samples) / RATE * fps), before + end - first)
            states = hidden_states(self.encoder.net, self._levelled(samples), frames)[
                0, :, 1:
            ]  # frames layers channels
            yield around(states, self.params.window)[before : before + end - first]
            start += count

    def _levelled(self, samples: np.ndarray) -> Tensor:
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


def around(states: Tensor, window: int) -> Tensor:
    """States (frames, …) → those of the `window` frames around each, (frames, window, …); the ends are repeated."""
    reach = window // 2
    places = torch.arange(len(states))[:, None] + torch.arange(-reach, window - reach)
    return states[places.clamp(0, len(states) - 1)]
