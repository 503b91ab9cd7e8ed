"""MEMO: velocities of video latents from a face, a voice, an emotion and what was seen before.

Zheng et al., "MEMO: Memory-Guided Diffusion for Expressive Talking Video Generation", 2024 (arXiv 2412.04448),
figure 2. A layer of the U-Net is a residual block, attention to the reference and the face, attention with the sound,
and attention over time with memory; frames are folded into the batch in all but the last.

    paper                          here
    reference features             reference: layer → tokens (b, h·w, c), see `split`
    past frames m                  past: layer → tokens (b, p, h·w, c)
    M_KV, M_Z                      Memory: layer → traces; `remember` makes the next from past frames
    face tokens, audio tokens, c   Conditions
    v_θ                            forward(…)
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import torch
from torch import Tensor, nn

from ...nets.ldm.frames import fold, unfold
from ...nets.ldm.spatial import Beside, attend, beside
from ...nets.ldm.unet import UNet, UNetParams
from .audio import AudioModule
from .memory import TemporalModule, Trace, Traces
from .params import MemoParams
from .reference import Bank

Reference = dict[str, Beside]  # name of a layer → what its self-attention looks at
Memory = dict[str, Traces]  # name of a layer → what it remembers: as large after an hour as after a second


@dataclass(frozen=True)
class Conditions:
    """What a batch of clips is told.

    Attributes:
        face: tokens of the face (b, k, context).
        audio: tokens of sound (b, f, k, audio); None leaves out what passes through time, sound and motion: stills.
        emotion: labels (b,).
        alone: how many of the first clips do not look at the reference (classifier-free guidance).
        portrait: latents (r, c, h, w), clip i's is row i mod r; for networks that see it beside the noisy ones.
    """

    face: Tensor
    audio: Tensor | None
    emotion: Tensor
    alone: int = 0
    portrait: Tensor | None = None


def split(bank: Bank, batch: int) -> tuple[Bank, Bank]:
    """A bank of `batch` × (reference, then past frames) → reference (b, h·w, c) and past frames (b, p, h·w, c)."""
    parts = {name: tokens.unflatten(0, (batch, -1)) for name, tokens in bank.items()}
    return {name: part[:, 0] for name, part in parts.items()}, {name: part[:, 1:] for name, part in parts.items()}


def rows(memory: Memory, which: list[int]) -> Memory:
    """The memories of a batch of two, once for each row that asks for one."""

    def chosen(part: Tensor) -> Tensor:
        return part.unflatten(0, (2, -1))[which].flatten(0, 1)

    return {
        name: tuple(Trace(chosen(trace.values), chosen(trace.keys)) for trace in traces)
        for name, traces in memory.items()
    }


class DiffusionNet(UNet):
    """The denoiser of `params`."""

    def __init__(self, params: MemoParams | None = None) -> None:
        params = params or MemoParams()
        super().__init__(params.unet)
        self.params = params
        if params.beside:
            self.conv_in = nn.Conv2d(2 * params.unet.channels, params.unet.widths[0], 3, padding=1)
        *_, last = self.parts("attentions")
        for name, block in self.blocks():
            channels = block.resnets[0].out_channels
            layers = len(getattr(block, "attentions", block.resnets))  # the middle has a residual block more
            if hasattr(block, "attentions"):
                block.audio_modules = nn.ModuleList(
                    AudioModule(channels, width, params.audio, params.unet.heads, last=f"{name}_{index}" == last)
                    for index, width in enumerate(inner_widths(name, params.unet, layers))
                )
            block.motion_modules = nn.ModuleList(TemporalModule(channels, params.temporal) for _ in range(layers))

    def look(self, reference: Bank) -> Reference:
        """What all steps of a clip need of the reference (`split`)."""
        attentions = self.parts("attentions")
        return {name: beside(transformer, reference[name]) for name, transformer in attentions.items()}

    def remember(self, past: Bank, memory: Memory | None = None) -> Memory:
        """The memory after some past frames (`split`); without one before, the memory of those frames alone."""
        modules: dict[str, TemporalModule] = self.parts("motion_modules")
        return {name: module.remember(past[name], memory[name] if memory else None) for name, module in modules.items()}

    def forward(
        self, x: Tensor, t: Tensor, given: Conditions, reference: Reference | None = None, memory: Memory | None = None
    ) -> Tensor:
        """Velocities of latents x (b, c, f, h, w) at times t (b,), in [0, 1000]; the same shape."""
        frames = x.shape[2]
        attentions = self.parts("attentions")
        audio_modules: dict[str, AudioModule] = self.parts("audio_modules")
        motion_modules: dict[str, TemporalModule] = self.parts("motion_modules")
        face = given.face.repeat_interleave(frames, 0)  # b·f k context
        emotion = given.emotion.repeat_interleave(frames)
        audio: Any = None if given.audio is None else given.audio.flatten(0, 1)  # b·f k audio
        if self.params.beside:
            assert given.portrait is not None
            seen = given.portrait.repeat(len(x) // len(given.portrait), 1, 1, 1)
            x = torch.cat([x, seen[:, :, None].expand(x.shape)], 1)

        def layer(name: str, x: Tensor) -> Tensor:
            nonlocal audio
            if name in attentions:
                x, _ = attend(attentions[name], x, face, reference[name] if reference else None, given.alone * frames)
                if given.audio is not None:
                    x, audio = audio_modules[name](x, audio, emotion)
            if given.audio is None:
                return x
            return motion_modules[name](x, frames, memory[name] if memory else None)

        return unfold(self.out(self.walk(fold(x), t.repeat_interleave(frames), layer)), frames)


def inner_widths(block: str, params: UNetParams, layers: int) -> list[int]:
    """Channels inside the audio modules of a block: those of the next finer level where a level is entered or left."""
    level, widths = int(block.lstrip(ascii_lowercase)), params.widths
    if block.startswith("up"):
        return [widths[max(len(widths) - level - 2, 0)]] * layers
    if block.startswith("down"):
        return [widths[max(level - 1, 0)], *[widths[level]] * (layers - 1)]
    return [widths[-1]] * layers
