"""What MEMO hears: hidden states of wav2vec2 at the rate of the video.

Baevski et al., wav2vec 2.0, NeurIPS 2020 (arXiv 2006.11477), as transformers has it. The convolutions' 50 features a
second are drawn out or pushed together to the frames before the transformer sees them, so it attends frame by frame.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


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
