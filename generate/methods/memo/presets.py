"""Sizes and courses of MEMO's training. `paper` is as published, as far as that is known; `small` is for one GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...ldm import autoencoder
from ...ldm.autoencoder import VAEPreset
from ...nets.ldm.unet import UNetParams
from ...nets.ldm.vae import VAEParams
from .card import NAMES
from .params import AudioProjectionParams, ImageProjectionParams, MemoParams, TemporalParams


@dataclass(frozen=True)
class FacesPreset:
    """How faces are learned, from single frames.

    Attributes:
        steps, batch, expect: as every preset.
        net: the diffusion network; the reference network has its U-Net's sizes.
        image: the projection of who it is.
        rate: learning rate of AdamW.
        falling: whether it falls to nothing, by half a cosine; else it stays.
        attentive: whether errors count more on lips and eyes.
        dropped: chance that a sample is told of no face.
    """

    steps: int
    batch: int
    expect: str
    net: MemoParams
    image: ImageProjectionParams
    rate: float = 1e-5
    falling: bool = False
    attentive: bool = False
    dropped: float = 0.05


@dataclass(frozen=True)
class MotionPreset:
    """How motion is learned, from clips with sound.

    Attributes:
        steps, batch, expect: as every preset.
        audio: the projection of sound.
        rate: learning rate of AdamW.
        falling: whether it falls to nothing, by half a cosine; else it stays.
        attentive: whether errors count more on lips and eyes.
        past: numbers of past frames, one of which is drawn for each step.
        length: frames of a clip.
        threshold: samples whose loss is higher are left out,
        warm: once this share of the steps is over.
        dropped: chance that a sample is told of no face; of no sound; of no past; of a past that is one frame.
        unfelt: chance that it is told of no emotion.
    """

    steps: int
    batch: int
    expect: str
    audio: AudioProjectionParams
    rate: float = 1e-5
    falling: bool = False
    attentive: bool = False
    past: tuple[int, ...] = (16, 32, 48)
    length: int = 16
    threshold: float = 0.1
    warm: float = 0.5
    dropped: tuple[float, float, float, float] = (0.05, 0.05, 0.05, 0.05)
    unfelt: float = 0.3


PAPER = MemoParams(emotions=NAMES)
SMALL = MemoParams(UNetParams((64, 128, 192, 256), depth=1, heads=4, context=128), 128, TemporalParams(1, 2, 4), NAMES)
COMPACT = MemoParams(
    UNetParams((64, 64, 96), depth=1, heads=4, context=64, channels=8),
    64,
    TemporalParams(1, 1, 4, 2),
    NAMES,
    beside=True,
)
TOY = MemoParams(UNetParams((32, 32), depth=1, heads=2, context=32), 32, TemporalParams(1, 2, 2), NAMES)
PHONES = AudioProjectionParams(window=5, layers=4, channels=26, width=256, tokens=8, audio=128, kind="phones")

# fmt: off
PICTURES = {
    "small": VAEPreset(
        20_000, 32, "128 px at 32 × 32; never run to its end", VAEParams((32, 64, 128), 1, side=128), rate=3e-4,
    ),
    "paper": VAEPreset(400_000, 96, "sizes of Stable Diffusion, whose weights --begin takes; never run", VAEParams()),
    "compact": autoencoder.COMPACT,
    "toy": VAEPreset(
        100, 4, "for tests: half a minute of a CPU core", VAEParams((16, 32, 32), 1, side=64),
        rate=3e-3,
    ),
}
FACES = {
    "small": FacesPreset(
        30_000, 64, "for half an hour of a GPU with the other stages; never run to its end",
        SMALL, ImageProjectionParams(16, 4, 128), rate=2e-4,
    ),
    "paper": FacesPreset(
        100_000, 32, "sizes of the paper, which tells no steps; never run here", PAPER, ImageProjectionParams(),
    ),
    "compact": FacesPreset(
        1000, 8, "nine minutes of a CPU core", COMPACT, ImageProjectionParams(8, 2, 64),
        rate=1e-3, falling=True, attentive=True,
    ),
    "toy": FacesPreset(
        120, 8, "for tests: half a minute of a CPU core",
        TOY, ImageProjectionParams(8, 2, 32), rate=2e-3,
    ),
}
MOTION = {
    "small": MotionPreset(
        20_000, 16, "for half an hour of a GPU with the other stages; never run to its end", PHONES, rate=2e-4,
    ),
    "paper": MotionPreset(20_000, 8, "the authors' course for fine-tuning; never run here", AudioProjectionParams()),
    "compact": MotionPreset(
        450, 2, "a quarter of an hour of a CPU core", replace(PHONES, width=128, tokens=4, audio=64),
        rate=1e-3, falling=True, attentive=True, past=(4, 8, 16), threshold=10.0,
    ),
    "toy": MotionPreset(
        120, 2, "for tests: half a minute of a CPU core", replace(PHONES, width=64, tokens=2, audio=32),
        rate=2e-3, past=(2, 4), length=4, threshold=1.0,
    ),
}
# fmt: on
