"""Training of `voice.PhoneNet`: frame-wise cross entropy on labelled speech, with the world's noises laid over it.

Augmentation happens on power spectra, where it is cheap: a warped mel axis for other vocal tracts, noise and babble as
added power, a room as an exponential tail, microphones and codecs as a smooth gain over the bands and a low-pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch.nn import functional

from ....core.progress import Progress, Report, silent
from ....core.random import generator
from .params import VoiceParams
from .presets import VoiceTraining
from .train_espeak import Utterance
from .voice import FLOOR, WINDOW, PhoneNet, log_energy, loudness, mel_filters, power_spectrum

MUTE = 0.1  # share of crops without a voice: noise alone is silence


class _Corpus:
    """Spectra and labels of utterances, ready to be cropped."""

    def __init__(self, utterances: Sequence[Utterance]) -> None:
        self.power, self.labels = [], []
        for utterance in utterances:
            samples = functional.pad(torch.from_numpy(utterance.samples), (WINDOW // 2, WINDOW // 2))
            power = power_spectrum(samples)
            power = (power / loudness(power)).sqrt().half()
            self.power.append(power)
            self.labels.append(torch.from_numpy(utterance.labels[: len(power)]))
        lengths = np.array([len(power) for power in self.power], float)
        self.chance = np.sqrt(lengths) / np.sqrt(lengths).sum()

    def crop(self, random: np.random.Generator, ticks: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Power (ticks, FFT // 2 + 1) and labels (ticks,); what lies outside the utterance is silence."""
        which = random.choice(len(self.power), p=self.chance)
        power, labels = self.power[which].float().square(), self.labels[which]
        speed = random.uniform(0.85, 1.2)
        start = random.integers(-ticks // 4, max(int(len(labels) / speed) - ticks // 2, 1))
        at = torch.arange(start, start + ticks) * speed
        inside = (at >= 0) & (at <= len(labels) - 1)
        low = at.clamp(0, len(labels) - 1).long()
        high = (low + 1).clamp(max=len(labels) - 1)
        weight = (at - low).clamp(0, 1)[:, None]
        mixed = power[low] * (1 - weight) + power[high] * weight
        return mixed * inside[:, None], labels[(at.round().clamp(0, len(labels) - 1)).long()] * inside


def _augment(
    power: torch.Tensor, warps: Sequence[torch.Tensor], random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Power (b, t, FFT // 2 + 1) of clean crops → network input (b, t, bands), and which (b, 1) still hold a voice."""
    batch, ticks, _ = power.shape

    def draw(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(random.uniform(low, high, (batch, *shape)).astype(np.float32))

    mel = torch.stack([one @ warps[random.integers(len(warps))] for one in power])
    bands = mel.shape[-1]
    level = mel.mean((1, 2), keepdim=True) + 1e-9

    voiced = draw(0, 1, 1) > MUTE
    mel = mel * voiced[..., None]

    # a room: an exponential tail after the direct sound
    decay = torch.exp(-0.138 / draw(0.1, 0.7))  # 60 dB per reverberation time, power per tick
    wet = (draw(0, 1) < 0.4).float() * draw(0.02, 0.5) * (1 - decay)
    tail, tails = torch.zeros(batch, bands), []
    for tick in range(ticks):
        tail = tail * decay[:, None] + mel[:, tick]
        tails.append(tail)
    mel = mel * 0.9 + torch.stack(tails, 1) * wet[:, None, None]

    # noise: a smooth colour, or the babble of the next two crops, 0 to 40 dB below the voice
    colour = torch.exp(_smooth(torch.from_numpy(random.normal(0, 1.5, (batch, 1, bands)).astype(np.float32))))
    steady = 10 ** random.uniform(0.3, 1.7, (batch, 1, 1))
    flutter = torch.from_numpy(random.gamma(steady, 1 / steady, (batch, ticks, bands)).astype(np.float32))
    babble = mel.roll(1, 0) + mel.roll(2, 0)
    noise = torch.where((draw(0, 1, 1, 1) < 0.25) & voiced[..., None], babble, colour * flutter)
    noise = noise / (noise.mean((1, 2), keepdim=True) + 1e-9) * level
    mel = mel + noise * 10 ** (-draw(0, 4, 1, 1)) * (draw(0, 1, 1, 1) < 0.7)

    # a microphone and a codec: smooth gain over the bands, a low-pass, a gain for all
    gain = torch.exp(_smooth(torch.from_numpy(random.normal(0, 1.2, (batch, 1, bands)).astype(np.float32))))
    slope = torch.exp(draw(-1.5, 1.5, 1, 1) * torch.linspace(-1, 1, bands))
    cut = torch.where(draw(0, 1, 1, 1) < 0.25, draw(0.6, 0.95, 1, 1), 1.1) * bands
    passed = torch.sigmoid((cut - torch.arange(bands)) * 2)
    mel = mel * gain * slope * passed * torch.exp(draw(-2, 1.5, 1, 1))
    energy = log_energy(mel + FLOOR * (flutter - 1).clamp(min=0), torch.eye(bands))

    # gaps: a few bands or a moment that cannot be heard
    start, width = draw(0, bands).long(), draw(0, 6).long()
    band = torch.arange(bands)
    hidden = (band >= start[:, None]) & (band < (start + width)[:, None])
    hidden = hidden[:, None] & (draw(0, 1, 1, 1) < 0.5)
    return torch.where(hidden, energy.amin((1, 2), keepdim=True), energy), voiced


def _smooth(x: torch.Tensor) -> torch.Tensor:
    """Blur over the last axis by about six bands, spread kept."""
    return functional.avg_pool1d(functional.pad(x, (4, 4), mode="replicate"), 9, 1) * 2.0


def train_voice(
    params: VoiceParams,
    training: VoiceTraining,
    synthetic: Sequence[Utterance],
    real: Sequence[Utterance],
    *,
    seed: int = 0,
    progress: Report = silent,
) -> PhoneNet:
    """A trained network, in evaluation mode; the same seed and data give the same weights on one machine."""
    torch.manual_seed(seed)
    net = PhoneNet(params)
    optimiser = torch.optim.AdamW(net.parameters(), training.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.rate, training.steps, pct_start=0.1)
    warps = [mel_filters(params.bands, warp) for warp in np.linspace(0.84, 1.2, 10)]
    corpora = [(_Corpus(synthetic), 1.0 - training.real if real else 1.0)]
    if real:
        corpora.append((_Corpus(real), training.real))
    average = deepcopy(net)
    ticks = params.past + training.ticks + params.future
    for step in range(training.steps):
        random = generator(seed, "voice", step)
        crops = [
            corpora[random.choice(len(corpora), p=[share for _, share in corpora])][0].crop(random, ticks)
            for _ in range(training.batch)
        ]
        power, labels = (torch.stack(part) for part in zip(*crops, strict=True))
        energy, voiced = _augment(power, warps, random)
        target = (labels * voiced)[:, params.past : ticks - params.future]
        logits = net(energy)
        loss = functional.cross_entropy(logits.flatten(0, 1), target.flatten(), label_smoothing=training.smoothing)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        _follow(average, net, min(0.995, (1 + step) / (10 + step)))
        if step % 50 == 0 or step + 1 == training.steps:
            progress(Progress(f"learn to hear phones, loss {loss.item():.3f}", step + 1, training.steps, "steps"))
    return average.eval()


def _follow(average: PhoneNet, net: PhoneNet, inertia: float) -> None:
    """Move the exponential average of all weights and statistics toward the network's."""
    with torch.no_grad():
        for mean, now in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - inertia)
