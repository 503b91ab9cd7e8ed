"""Stage 1 of MEMO's training: a face of one frame drawn from another frame of the same person.

Zheng et al. 2024 (arXiv 2412.04448), section 4.1: the reference network and the spatial part of the diffusion network
become those of faces; rectified flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ....core.training import Batch, Card, Networks, Request, Turn, constant, cosine
from ...latent.samples import LICENCES, crops, pixels
from ...ldm import begin
from ...ldm.autoencoder import LOOKED
from ...nets.ldm import flow
from .card import CARD
from .examples import Example, examples
from .model import Conditions, DiffusionNet, split
from .params import NULL
from .presets import FacesPreset
from .projections import ImageProjection
from .reference import ReferenceNet

HELD_OUT, SHOWN, STEPS = 32, 4, 8  # samples of the evaluation, rows of a sheet, steps that draw them


def spatial(net: DiffusionNet) -> list[nn.Parameter]:
    """Parameters of what works on single frames."""
    return [value for name, value in net.named_parameters() if "audio_modules" not in name and "motion_" not in name]


class Faces(begin.Whole):
    """Trains `ReferenceNet`, `DiffusionNet` without its modules for sound and time, and `ImageProjection`."""

    def __init__(self, request: Request) -> None:
        preset: FacesPreset = request.preset
        self.preset, self.steps, self.batch_size, self.seed = preset, preset.steps, preset.batch, request.seed
        self.look_every = max(preset.steps // 10, LOOKED)
        self.vae = begin.autoencoder(request, CARD.name)
        parts = crops(request, self.vae.params.side)
        self.clips, self.unseen = (
            examples(part.clips, self.vae, request.cache, progress=request.progress) for part in parts
        )

        def net(kind: Any, stem: str, params: Any) -> Any:
            return begin.network(request, CARD.name, kind, stem, lambda: kind(params))

        self.reference = net(ReferenceNet, "reference_net", preset.net.unet)
        self.diffusion = net(DiffusionNet, "diffusion_net", preset.net)
        self.image = net(ImageProjection, "image_proj", preset.image)
        self.networks = {
            "reference_net": self.reference, "diffusion_net": self.diffusion, "image_proj": self.image,
        }  # fmt: skip
        self.averages = dict.fromkeys(self.networks, 0.999)
        self.frozen = {"vae": self.vae}
        self.along = ("vae",) if request.begin else ()
        moved = [*spatial(self.diffusion), *self.reference.parameters(), *self.image.parameters()]
        adam = torch.optim.AdamW(moved, preset.rate, weight_decay=0.01)
        schedule = cosine(20) if preset.falling else constant(20)
        self.turns = [Turn("faces", adam, self.losses, schedule=schedule)]
        self.card = Card(
            name=CARD.name,
            architecture=f"MEMO, {begin.count(*self.networks.values())}, on latents of {self.vae.params.side} px",
            licences=LICENCES,
            data=parts[0].sources(),
        )

    def draw(self, position: int) -> dict[str, Any]:
        return self.sample(self.clips, self.random(position))

    def sample(self, clips: Sequence[Example], random: np.random.Generator) -> dict[str, Any]:
        """Two frames of a clip, and how the second one is asked for."""
        clip = clips[random.integers(len(clips))]
        frames = [int(random.integers(len(clip))) for _ in range(2)]
        first, second = (np.asarray(clip.latents[frame], np.float32) for frame in frames)
        return {
            "weight": clip.weight(frames[1]) if self.preset.attentive else np.ones((1, 1, 1), np.float32),
            "reference": first,
            "wanted": second,
            "noise": random.standard_normal(second.shape, np.float32),
            "share": drawn_share(random),
            "told": random.random() >= self.preset.dropped,
        }

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"error": self.errors(self.networks, batch).mean()}

    def errors(self, networks: Networks, batch: Batch) -> Tensor:
        """Squared error of each sample (b,)."""
        batch = {name: value[batch["told"].int().argsort(stable=True)] for name, value in batch.items()}
        x, t = flow.mixed(batch["wanted"], batch["noise"], batch["share"])
        velocity = self.velocity(networks, batch["reference"], int((~batch["told"]).sum()))
        return flow.misses(velocity(x, t), batch["wanted"], batch["noise"], batch["share"], batch["weight"])

    def velocity(self, networks: Networks, reference: Tensor, alone: int = 0) -> flow.Velocity:
        """Of stills (b, c, h, w) of who is seen in `reference`, which the first `alone` are not shown."""
        look, net, image = (networks[name] for name in ("reference_net", "diffusion_net", "image_proj"))
        face = nobody(image, len(reference))
        bank, _ = split(look(reference, face), len(reference))
        labels = torch.full((len(reference),), NULL, device=reference.device)
        told = Conditions(face, None, labels, alone, reference)
        seen = net.look(bank)  # type: ignore[operator]
        return lambda x, t: net(x[:, :, None], t, told, seen)[:, :, 0]

    def pictures(self, networks: Networks) -> np.ndarray:
        """Rows: reference, and a frame drawn from it alone; without more to go by, it is any frame of that person."""
        batch = self._held_out(SHOWN, self.clips)
        made = flow.sample(self.velocity(networks, batch["reference"]), batch["noise"], STEPS)
        return np.stack([pixels(self.vae.decode(each)) for each in (batch["reference"], made)], 1)

    def evaluate(self, networks: Networks) -> dict[str, float]:
        """The error on people that were not learned from."""
        return {"unseen_error": self.errors(networks, self._held_out(HELD_OUT, self.unseen)).mean().item()}

    def _held_out(self, count: int, clips: Sequence[Example]) -> Batch:
        drawn = [self.sample(clips, self.random(number, "held out")) for number in range(count)]
        batch = torch.utils.data.default_collate(drawn)
        device = next(self.diffusion.parameters()).device
        return {
            name: value.to(device, torch.float32 if value.is_floating_point() else None)
            for name, value in batch.items()
        }


def nobody(image: nn.Module, count: int) -> Tensor:
    """Tokens of a face whose identity is not known (count, k, context)."""
    params: Any = image.params
    return image(torch.zeros(count, params.identity, device=next(image.parameters()).device))


def drawn_share(random: np.random.Generator) -> float:
    """A share of noise, logit-normal (Esser et al. 2024, arXiv 2403.03206, equation 19)."""
    return float(1 / (1 + np.exp(-random.standard_normal())))
