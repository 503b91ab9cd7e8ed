"""Stage 0 of latent diffusion: an auto-encoder of pictures, where no published one shall be used.

Rombach et al., CVPR 2022 (arXiv 2112.10752), section 3.1 with the KL term; colours and edges over a pyramid stand in
for the perceptual loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.training import Batch, Card, Networks, Request, Stage, Turn, constant, cosine
from ..latent.losses import pyramid
from ..latent.networks import installed, load_network
from ..latent.samples import LICENCES, pixels
from ..nets.ldm.vae import VAE, VAEParams

Shots = Callable[[np.random.Generator], np.ndarray]  # → a picture uint8 (side, side, 3)
STEM = "vae"
MEASURED = 64  # pictures whose latents say the scale
HELD_OUT, SHOWN = 16, 6
LOOKED = 20  # steps between two looks at a toy


@dataclass(frozen=True)
class VAEPreset:
    """How an auto-encoder is trained.

    Attributes:
        steps, batch, expect: as every preset.
        net: its sizes; the scale is measured at the end.
        rate: learning rate of Adam.
        falling: whether it falls to nothing, by half a cosine; else it stays.
        prior: weight of the distance to a unit Gaussian.
        mirrored: whether half of the pictures are seen in a mirror.
    """

    steps: int
    batch: int
    expect: str
    net: VAEParams
    rate: float = 1e-3
    falling: bool = False
    prior: float = 1e-5
    mirrored: bool = False


COMPACT = VAEPreset(  # of both methods: its weights fit either
    1600, 4, "64 px at 16 × 16; five minutes of a CPU core", VAEParams((16, 32, 64), 1, channels=8, side=64),
    rate=2e-3, falling=True, prior=3e-4, mirrored=True,
)  # fmt: skip


class VAEStage(Stage):
    """Trains a `VAE`, a new one or that of the weights to begin from.

    Args:
        request: with a `VAEPreset`.
        shots, unseen: draws of pictures to learn from, and of others.
        sources: of the data, for the record.
        name: of the weight record.
    """

    def __init__(self, request: Request, shots: Shots, unseen: Shots, *, sources: Sequence[str], name: str) -> None:
        preset: VAEPreset = request.preset
        self.steps, self.batch_size, self.seed = preset.steps, preset.batch, request.seed
        self.look_every = max(preset.steps // 10, LOOKED)
        self.shots, self.unseen = shots, unseen
        held = installed(name, request.begin) if request.begin else None
        self.net = load_network(VAE, held, STEM) if held else VAE(preset.net)
        self.mirrored = preset.mirrored
        self.networks: dict[str, nn.Module] = {STEM: self.net}
        self.averages = {STEM: 0.999}
        adam = torch.optim.Adam(self.net.parameters(), preset.rate)
        schedule = cosine(20) if preset.falling else constant(20)
        self.turns = [Turn("pictures", adam, self.losses, weights={"prior": preset.prior}, schedule=schedule)]
        count = sum(each.numel() for each in self.net.parameters())
        self.card = Card(
            name=name,
            architecture=f"auto-encoder of pictures, {self.net.params.side} px, {count:,} parameters",
            licences=LICENCES,
            data=sources,
        )

    def draw(self, position: int) -> dict[str, Any]:
        random = self.random(position)
        picture = self.shots(random)
        if self.mirrored and random.random() < 0.5:
            picture = picture[:, ::-1].copy()
        return {"picture": picture, "noise": random.standard_normal(self._latent(), np.float32)}

    def _latent(self) -> tuple[int, int, int]:
        size = self.net.params.side // self.net.params.stride
        return self.net.params.channels, size, size

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        wanted = scaled(batch["picture"])
        found = self.net.net.encode(wanted).latent_dist
        made = self.net.net.decode(found.mean + found.std * batch["noise"]).sample
        return {"colours": pyramid(made, wanted), "prior": found.kl().mean() / batch["noise"][0].numel()}

    def pictures(self, networks: Networks) -> np.ndarray:
        """Rows: picture, and what is left of it."""
        net: Any = networks[STEM]
        shown = self._held_out(SHOWN)
        return np.stack([pixels(shown), pixels(net.decode(net.encode(shown)))], 1)

    def evaluate(self, networks: Networks) -> dict[str, float]:
        """Mean difference of colours and edges on pictures of people that were not learned from."""
        net: Any = networks[STEM]
        shown = self._held_out(HELD_OUT)
        return {"difference": pyramid(net.decode(net.encode(shown)), shown).item()}

    def weights(self, networks: Networks) -> dict[str, dict[str, Tensor]]:
        """The network, which is told what brings its latents to unit size."""
        net: Any = networks[STEM]
        with torch.no_grad():
            spread = torch.stack([net.encode(each[None]) for each in self._held_out(MEASURED, self.shots)]).std()
        net.params = replace(net.params, scale=net.params.scale / spread.item())
        return super().weights(networks)

    def _held_out(self, count: int, shots: Shots | None = None) -> Tensor:
        drawn = [(shots or self.unseen)(self.random(number, "held out")) for number in range(count)]
        return scaled(torch.from_numpy(np.stack(drawn)).to(next(self.net.parameters()).device))


def scaled(pictures: Tensor) -> Tensor:
    """uint8 (b, h, w, 3) → float (b, 3, h, w) in [-1, 1]."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
