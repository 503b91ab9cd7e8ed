"""Voice → phones: log-mel energies at 100 ticks a second, and a small convolutional network with 180 ms of lookahead.

Tick i looks at the instant i / 100 s. Convolutions take no padding: whoever streams hands over `past` and `future`
extra ticks, so that a tick's answer never depends on where a block began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .params import VoiceParams

RATE, HOP, WINDOW, FFT = 16000, 160, 400, 512
TICKS_PER_SECOND = RATE // HOP
FLOOR = 1e-6  # power of a mel band below which nothing is heard, where the loudest tick of speech has a mean of 1
QUIET = 1e-6  # mean power per bin of what still counts as a voice; about -60 dB against full scale


def mel_filters(bands: int, warp: float = 1.0) -> torch.Tensor:
    """Triangular mel filters (FFT // 2 + 1, bands) from 60 to 7600 Hz, each of sum 1.

    Args:
        warp: stretches the frequency axis below 5 kHz as a shorter (> 1) or longer vocal tract would.
    """

    def to_hz(mel: np.ndarray) -> np.ndarray:
        return 700 * (10 ** (mel / 2595) - 1)

    low, high = 2595 * np.log10(1 + np.array([60.0, 7600.0]) / 700)
    edges = to_hz(np.linspace(low, high, bands + 2))
    edges = np.where(edges < 5000, edges * warp, 5000 * warp + (edges - 5000) * (8000 - 5000 * warp) / 3000)
    frequency = np.arange(FFT // 2 + 1) * RATE / FFT
    rise = (frequency[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.clip(np.minimum(rise, fall), 0, None)
    return torch.from_numpy((filters / np.maximum(filters.sum(0), 1e-9)).astype(np.float32))


def power_spectrum(samples: torch.Tensor) -> torch.Tensor:
    """Power (ticks, FFT // 2 + 1) of samples (n,): tick i is centred on sample WINDOW / 2 + i × HOP."""
    frames = samples.unfold(0, WINDOW, HOP) * torch.hann_window(WINDOW)
    return torch.fft.rfft(frames, FFT).abs().square() / WINDOW


def loudness(power: torch.Tensor) -> float:
    """Mean power per bin of the loudest 50 ms of (ticks, FFT // 2 + 1): the scale that speech is heard on."""
    mean = power.mean(-1)
    if len(mean) >= 5:
        mean = mean.unfold(0, 5, 1).mean(-1)
    return max(float(mean.max()), QUIET)


def log_energy(power: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Network input (…, ticks, bands) from power spectra: log-mel energy, about zero mean and unit spread."""
    return ((power @ filters + FLOOR).log() + 6.0) / 4.0


class Block(nn.Module):
    """Depthwise convolution in time, then two layers per tick, added to the input."""

    def __init__(self, width: int, expansion: int, dilation: int, past: int, future: int) -> None:
        super().__init__()
        self.crop = (dilation * past, dilation * future)
        self.time = nn.Conv1d(width, width, past + 1 + future, dilation=dilation, groups=width)
        self.norm = nn.BatchNorm1d(width)
        self.up = nn.Conv1d(width, width * expansion, 1)
        self.down = nn.Conv1d(width * expansion, width, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = self.crop
        return x[..., left : x.shape[-1] - right] + self.down(self.drop(torch.relu(self.up(self.norm(self.time(x))))))


class PhoneNet(nn.Module):
    """Log-mel → log-odds of the classes of `phones.CLASSES`."""

    def __init__(self, params: VoiceParams) -> None:
        super().__init__()
        self.params = params
        self.stem = nn.Conv1d(params.bands, params.width, 5)
        self.blocks = nn.Sequential(*(Block(params.width, params.expansion, *block) for block in params.blocks))
        self.head = nn.Conv1d(params.width, params.classes, 1)

    def forward(self, energy: torch.Tensor) -> torch.Tensor:
        """(b, past + ticks + future, bands) → (b, ticks, classes)."""
        x = torch.relu(self.stem(energy.transpose(1, 2)))  # b c t
        return self.head(torch.relu(self.blocks(x))).transpose(1, 2)


SEGMENT = 200  # ticks that are heard at once: fixed, so that answers do not depend on how sound arrives
_DECAY = 10 ** (-0.1 * SEGMENT / TICKS_PER_SECOND)  # of the loudness against which a voice is heard: 1 dB a second


@dataclass(frozen=True)
class Heard:
    """Phones of a fixed segment.

    Attributes:
        phones: float32 (n, classes), probabilities at each tick.
        energy: float32 (n,), loudness of each tick on a scale from 35 dB below the voice's loudest, 0, to it, 1.
    """

    phones: np.ndarray
    energy: np.ndarray


class Listener:
    """A trained network that follows a stream of sound."""

    def __init__(self, net: PhoneNet) -> None:
        self._net = net.eval()
        self._filters = mel_filters(net.params.bands)

    def stream(self, chunks: Iterable[np.ndarray]) -> Iterator[Heard]:
        """Mono float32 chunks of any size at 16 kHz → segments of SEGMENT ticks; the last one may be shorter.

        Before its beginning and after its end the sound is taken to be mirrored: where silence would stand, a steady
        noise would break out or off, and that sounds like speech.
        """
        past, future = (ticks * HOP + WINDOW // 2 for ticks in (self._net.params.past, self._net.params.future))
        step, needed = SEGMENT * HOP, past + (SEGMENT - 1) * HOP + future
        buffer, received, done, level, begun = np.zeros(0, np.float32), 0, 0, QUIET, False
        for chunk in chunks:
            buffer, received = np.concatenate([buffer, chunk.astype(np.float32, copy=False)]), received + len(chunk)
            if not begun and received >= past:
                buffer, begun = np.concatenate([buffer[:past][::-1], buffer]), True
            while begun and len(buffer) >= needed:
                heard, level = self._hear(buffer[:needed], level)
                yield heard
                buffer, done = buffer[step:], done + SEGMENT
        ticks = -(-received // HOP)
        if not begun and received:
            buffer = np.pad(buffer, (past, 0), mode="symmetric")
        while done < ticks:
            window = np.pad(buffer[:needed], (0, max(needed - len(buffer), 0)), mode="symmetric")
            heard, level = self._hear(window, level)
            rest = min(ticks - done, SEGMENT)
            yield Heard(heard.phones[:rest], heard.energy[:rest])
            buffer, done = buffer[step:], done + SEGMENT

    def _hear(self, samples: np.ndarray, level: float) -> tuple[Heard, float]:
        with torch.inference_mode():
            power = power_spectrum(torch.from_numpy(samples))
            level = max(loudness(power), level * _DECAY)
            phones = self._net(log_energy(power / level, self._filters)[None]).softmax(-1)[0]
            mean = power[self._net.params.past :][:SEGMENT].mean(-1) / level
        energy = ((10 * (mean + 1e-9).log10() + 35) / 35).clamp(0, 1)
        return Heard(phones.numpy(), energy.numpy()), level
