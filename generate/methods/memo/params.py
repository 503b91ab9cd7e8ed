"""Sizes of MEMO's networks; the defaults are the official ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...nets.ldm.unet import UNetParams

EMOTIONS = 9  # classes; their names were not published
NULL = EMOTIONS  # the label of a condition that was dropped


@dataclass(frozen=True)
class TemporalParams:
    """Sizes of a temporal module.

    Attributes:
        blocks: transformer blocks.
        attentions: linear self-attentions of a block.
        heads: of each.
        narrowing: features over tokens, in channels.
        positions: add sinusoids of the frames' places to what is attended.
        decay: γ, by which memory fades from frame to frame.
    """

    blocks: int = 2
    attentions: int = 2
    heads: int = 8
    narrowing: int = 1
    positions: bool = True
    decay: float = 0.9


@dataclass(frozen=True)
class MemoParams:
    """The diffusion network.

    Attributes:
        unet: its spatial part.
        audio: channels of the tokens of sound.
        temporal: its temporal modules.
        emotions: names of the first classes of emotion; none where nobody published them.
        beside: the latent of the portrait goes in beside the noisy one, too: the published networks find out by
            attention where in the portrait to look, which small ones do not learn in minutes.
    """

    unet: UNetParams = field(default_factory=UNetParams)
    audio: int = 768
    temporal: TemporalParams = field(default_factory=TemporalParams)
    emotions: tuple[str, ...] = ()
    beside: bool = False


@dataclass(frozen=True)
class AudioProjectionParams:
    """Hidden states of a window of frames → tokens of its middle frame.

    Attributes:
        window: frames heard around one, that one among them.
        layers, channels: of the speech encoder; where `kind` is no encoder, its features `layers` times a frame.
        width: of the hidden layers.
        tokens: of one frame.
        audio: channels of a token.
        kind: what hears, a name of `nets.audio`.
    """

    window: int = 5
    layers: int = 12
    channels: int = 768
    width: int = 512
    tokens: int = 32
    audio: int = 768
    kind: str = "wav2vec2"


@dataclass(frozen=True)
class ImageProjectionParams:
    """Identity embedding → tokens that every picture attends to: `tokens` of `context` channels from `identity`."""

    identity: int = 512
    tokens: int = 4
    context: int = 768


@dataclass(frozen=True)
class EmotionParams:
    """Mean feature of some sound (emotion2vec's in the published weights) → one of `EMOTIONS` classes.

    Attributes:
        features: of the sound.
        width, depth: of its layers.
    """

    features: int = 1024
    width: int = 2048
    depth: int = 5
