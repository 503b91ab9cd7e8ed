"""Sizes and courses of Make-Your-Anchor's training; `person` and `lora` begin from weights and are for one person."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...ldm import autoencoder
from ...ldm.autoencoder import VAEPreset
from ...nets.ldm.vae import VAEParams
from .params import AppearanceParams, ControlParams, UNetParams


@dataclass(frozen=True)
class PassPreset:
    """How a pass, body or head, is trained.

    Attributes:
        steps, batch, expect: as every preset.
        unet, control, appearance: sizes; None: those of the weights to begin from.
        rate: learning rate of AdamW.
        falling: whether it falls to nothing, by half a cosine; else it stays.
        rank: of the low-rank changes of every attention that are trained; 0 trains all of both networks.
        dropped: chance that a sample is told of no appearance.
        frames: side of the frames that are learned from; 0: that of the auto-encoder's pictures.
    """

    steps: int
    batch: int
    expect: str
    unet: UNetParams | None = None
    control: ControlParams | None = None
    appearance: AppearanceParams | None = None
    rate: float = 1e-5
    falling: bool = False
    rank: int = 0
    dropped: float = 0.0
    frames: int = 0


SMALL, TOY = (64, 128, 192, 256), (32, 32, 32, 32)
TOWER = AppearanceParams(128, 256, 3, 4, 96, 16)
TOY_TOWER = AppearanceParams(32, 64, 1, 2, 32, 16)


def _new(
    channels: tuple[int, ...],
    context: int,
    hint: tuple[int, ...],
    body: int,
    head: int,
    *,
    latents: int = 4,
    beside: bool = False,
) -> dict[str, PassPreset]:
    """The sizes of both networks, by pass; `body` and `head` are the sides of what they draw."""
    inputs = latents * 2 if beside else latents
    unet = UNetParams(inputs, latents, channels, context, heads=4, side=body, beside=beside)
    control = ControlParams(latents, channels, context, heads=4, hint=hint, tracked=True)
    masked = replace(unet, inputs=inputs + latents + 1, side=head, clips=False)
    both = {"body": (unet, control), "head": (masked, replace(control, clips=False))}
    return {name: PassPreset(1, 1, "", *sizes, frames=body) for name, sizes in both.items()}


PICTURES = {
    "small": VAEPreset(
        20_000, 32, "128 px at 32 × 32; never run to its end", VAEParams((32, 64, 128), 1, side=128), rate=3e-4
    ),
    "paper": VAEPreset(400_000, 96, "sizes of Stable Diffusion, whose weights --begin takes; never run", VAEParams()),
    "compact": autoencoder.COMPACT,
    "toy": VAEPreset(80, 4, "for tests: half a minute of a CPU core", VAEParams((16, 32, 32), 1, side=64), rate=3e-3),
}
_COMPACT = _new(
    (32, 64, 64, 96), TOY_TOWER.width, (8, 16, 32), 96, 64, latents=autoencoder.COMPACT.net.channels, beside=True
)
_SMALL, _TOY = _new(SMALL, TOWER.width, (16, 32, 64), 128, 128), _new(TOY, TOY_TOWER.width, (8, 16, 16), 64, 64)
PUBLISHED = "pre-training as published, which tells no steps; never run"
PERSON = "one minute of one person, all of both networks, 60 epochs as in the paper; never run here: needs a GPU"
LORA = "one minute of one person, low-rank changes alone; never run here: needs a GPU"


def passes(name: str) -> dict[str, PassPreset]:
    """The presets of a pass, `body` or `head`."""
    both = {"appearance": TOWER, "dropped": 0.1}
    paper = UNetParams() if name == "body" else UNetParams(9, clips=False, side=256)
    control = ControlParams(clips=name == "body")
    half = "for half an hour of a GPU with the other stages; never run to its end"
    toy = "for tests: half a minute of a CPU core"
    return {
        "small": replace(_SMALL[name], steps=30_000, batch=32, expect=half, rate=2e-4, **both),
        "paper": PassPreset(
            200_000, 32, "pre-training as published, steps unknown; never run", paper, control, AppearanceParams()
        ),
        "person": PassPreset(22_500, 4, PERSON),
        "lora": PassPreset(5_000, 4, LORA, rate=1e-4, rank=16),
        "compact": replace(
            _COMPACT[name],
            steps=4000,
            batch=4,
            expect="an hour of a CPU core each; 240 steps of the body were run, and drew no face yet",
            rate=1e-3,
            falling=True,
            dropped=0.1,
            appearance=TOY_TOWER,
        ),
        "toy": replace(_TOY[name], steps=80, batch=4, expect=toy, rate=2e-3, **both | {"appearance": TOY_TOWER}),
    }
