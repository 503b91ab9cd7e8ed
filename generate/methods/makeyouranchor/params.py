"""Sizes of Make-Your-Anchor's networks, and how it samples."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class UNetParams:
    """The denoiser, that of Stable Diffusion 1.5.

    Attributes:
        inputs: latent channels that go in: 4, with mask and masked latent 9.
        outputs: channels of the noise.
        channels: of each resolution, the finest first.
        context: channels of the appearance tokens.
        heads: of every attention.
        clips: the frames of a window attend to each other; else every frame is a picture of its own.
        side: of the pictures it draws, the shorter one, in pixels.
        beside: the latent of the picture goes in, too, as the last of `inputs`: the published networks know the person
            by heart and what tokens of CLIP tell of the clothes, which small ones do not learn in minutes.
    """

    inputs: int = 4
    outputs: int = 4
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    context: int = 768
    heads: int = 8
    clips: bool = True
    side: int = 512
    beside: bool = False


@dataclass(frozen=True)
class ControlParams:
    """The ControlNet, half of such a denoiser.

    Attributes:
        inputs, channels, context, heads: as of the denoiser.
        hint: channels of the network that shrinks the control picture, twofold but for the first.
        clips: statistics of normalisation are those of a window; attention sees single frames either way.
        tracked: control pictures are drawn here, of a face that is followed (`mesh`); else they come from outside.
    """

    inputs: int = 4
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    context: int = 768
    heads: int = 8
    hint: tuple[int, ...] = (16, 32, 96, 256)
    clips: bool = True
    tracked: bool = False


@dataclass(frozen=True)
class WindowParams:
    """Frames that are denoised together.

    Attributes:
        length: frames of a window.
        overlap: how many of them the next window sees again; 0 for none.
        tail: whether a last window counts that brings no new frame, as in the official code.
    """

    length: int = 16
    overlap: int = 4
    tail: bool = False


@dataclass(frozen=True)
class SamplingParams:
    """How frames are drawn.

    Attributes:
        steps: of DDIM.
        guidance: scale of classifier-free guidance over the appearance.
        control: scale of the ControlNet's residuals.
        window: what is denoised together.
    """

    steps: int = 20
    guidance: float = 7.5
    control: float = 2.0
    window: WindowParams = field(default_factory=WindowParams)


BODY = SamplingParams()
HEAD = SamplingParams(guidance=3.5, control=1.0, window=WindowParams(30, 0))


@dataclass(frozen=True)
class ScheduleParams:
    """Noise of Stable Diffusion 1.5, under the names of diffusers' schedulers."""

    num_train_timesteps: int = 1000
    beta_start: float = 0.00085
    beta_end: float = 0.012
    beta_schedule: str = "scaled_linear"
    clip_sample: bool = False
    set_alpha_to_one: bool = False
    steps_offset: int = 1


@dataclass(frozen=True)
class TransformerParams:
    """A transformer of CLIP.

    Attributes:
        width, inner, depth, heads: its sizes; `inner` within its feed-forward layers.
    """

    width: int = 768
    inner: int = 3072
    depth: int = 12
    heads: int = 12

    def config(self) -> dict[str, int]:
        """The same under the names of transformers."""
        names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
        return dict(zip(names, (self.width, self.inner, self.depth, self.heads), strict=True))


@dataclass(frozen=True)
class AppearanceParams(TransformerParams):
    """CLIP's picture tower, by default ViT-B/32; sides of a picture and a patch in pixels."""

    picture: int = 224
    patch: int = 32


@dataclass(frozen=True)
class TextParams(TransformerParams):
    """CLIP's text tower; sizes of the vocabulary and of the longest text."""

    words: int = 49408
    places: int = 77


@dataclass(frozen=True)
class UnconditionalParams:
    """As many tokens as of a picture, and as wide."""

    tokens: int = 50
    width: int = 768
