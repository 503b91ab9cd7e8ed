"""Sizes of AniTalker's second stage, sound → motion codes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...nets.audio import KINDS, AudioParams
from ...nets.conformer import ConformerParams
from ...nets.diffusion import DiffusionParams
from ...nets.windows import WindowParams

SIGNALS = {"location": 1, "scale": 1, "pose": 3}  # controls of the variance adapter in their order, and their numbers


@dataclass(frozen=True)
class MotionParams:
    """The motion diffusion model; the defaults are the official full-control model on HuBERT features.

    Attributes:
        audio: what it hears.
        speech: Conformer over the sound; its width is that of the sound's code, depth 0 leaves it out.
        decoder_depth: blocks of the denoising Conformer.
        projection: width of each of the four other inputs of the denoiser.
        signals: the controls, a part of `SIGNALS` in that order.
        adapter: width of the LSTMs that predict and read the controls.
        motion: d of the motion codes.
        appearance: length of the portrait's appearance code.
        diffusion: noise schedule.
        time_unit: a diffusion step t goes in as t / time_unit; officially as it is.
        window: training and sampling see `length` new frames and `context` frames before them.
    """

    audio: AudioParams = KINDS["hubert"]
    speech: ConformerParams = field(default_factory=lambda: ConformerParams(512, 4))
    decoder_depth: int = 2
    projection: int = 128
    signals: tuple[str, ...] = ("location", "scale", "pose")
    adapter: int = 128
    motion: int = 20
    appearance: int = 512
    time_unit: float = 1.0
    diffusion: DiffusionParams = field(default_factory=DiffusionParams)
    window: WindowParams = field(default_factory=lambda: WindowParams(100, 25))

    @property
    def decoder(self) -> ConformerParams:
        """The denoising Conformer, as wide as all its inputs side by side."""
        speech = self.speech
        width = speech.width + 4 * self.projection
        return ConformerParams(width, self.decoder_depth, speech.heads, speech.kernel, speech.dropout)


OFFICIAL = {  # variants of the official checkpoints
    "hubert_audio_only": MotionParams(signals=()),
    "hubert_pose_only": MotionParams(signals=("pose",)),
    "hubert_full_control": MotionParams(),
    "mfcc_pose_only": MotionParams(audio=KINDS["mfcc"], speech=ConformerParams(512, 0), signals=("pose",)),
    "mfcc_full_control": MotionParams(audio=KINDS["mfcc"], speech=ConformerParams(512, 0)),
}
