"""Stages 1 and 2 of Make-Your-Anchor's training: the noise of a frame, given its mesh and another frame's appearance.

Huang et al., "Make-Your-Anchor", CVPR 2024 (arXiv 2403.16510), sections 3.2 and 3.4. On videos of many people it is the
paper's pre-training; begun from such weights, on one person's minute, it is the fine-tuning that binds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor
from torch.nn import functional as F

from ....core.faces import crop_face
from ....core.training import Batch, Card, Networks, Request, Turn, constant, cosine
from ...latent.networks import load_network
from ...latent.samples import LICENCES, pixels
from ...ldm import begin
from ...ldm.autoencoder import LOOKED, scaled
from ...nets.ldm.lora import adapt, merged
from .card import CARD
from .denoising import Denoiser, Frame
from .footage import Footage, footage
from .head import cut_out, recipe
from .model import Control, UNet
from .params import SamplingParams, ScheduleParams, UnconditionalParams, WindowParams
from .pictures import Appearance, Unconditional
from .presets import PassPreset

HELD_OUT, SHOWN, STEPS = 16, 2, 5  # samples of the evaluation, rows of a sheet, steps that draw them


class Pass(begin.Whole):
    """Trains a `UNet` and a `Control`; a new tower for appearance with the body, too."""

    name: ClassVar[str]

    def __init__(self, request: Request) -> None:
        preset: PassPreset = request.preset
        self.preset, self.steps, self.batch_size, self.seed = preset, preset.steps, preset.batch, request.seed
        self.look_every = max(preset.steps // 10, LOOKED)

        def net(kind: Any, stem: str, params: Any) -> Any:
            return begin.network(request, CARD.name, kind, stem, params and (lambda: kind(params)))

        self.unet = net(UNet, f"{self.name}-unet", preset.unet)
        self.control = net(Control, f"{self.name}-controlnet", preset.control)
        self.vae = begin.autoencoder(request, CARD.name)
        self.stems = {"unet": f"{self.name}-unet", "control": f"{self.name}-controlnet", "appearance": "image_encoder"}
        self.networks = {self.stems["unet"]: self.unet, self.stems["control"]: self.control}
        self.appearance, self.nothing = self.towers(request, net)
        self.frozen = {"vae": self.vae, "image_encoder": self.appearance, "text_encoder": self.nothing}
        self.along = tuple(self.frozen) if request.begin else ("text_encoder",)
        pair = (self.unet, self.control)
        moved = [each for part in pair for each in (adapt(part, preset.rank) if preset.rank else part.parameters())]
        if self.name == "body" and not request.begin:
            self.networks["image_encoder"] = self.frozen.pop("image_encoder")
            moved += self.appearance.parameters()
        self.averages = {} if preset.rank else dict.fromkeys(self.networks, 0.999)
        adam = torch.optim.AdamW(moved, preset.rate)
        schedule = cosine(20) if preset.falling else constant(20)
        self.turns = [Turn(self.name, adam, self.losses, schedule=schedule)]
        self.scheduler = DDIMScheduler(**vars(ScheduleParams()))
        found, sources = footage(
            request.data, request.cache, preset.frames or self.vae.params.side, tracked=self.control.params.tracked,
            progress=request.progress,
        )  # fmt: skip
        self.seen, self.unseen = zip(*(each.parted() for each in found), strict=True)
        self.card = Card(
            name=CARD.name,
            architecture=f"Make-Your-Anchor's {self.name}, {begin.count(*pair)}, {self.unet.params.side} px",
            licences=LICENCES,
            data=sources,
        )

    def towers(self, request: Request, net: Any) -> tuple[Appearance, Unconditional]:
        """What tells of appearance: of the weights to begin from, of stage 1, or new."""
        if self.name == "head" and not request.begin:
            before = begin.earlier(request, 1)
            return load_network(Appearance, before, "image_encoder"), load_network(
                Unconditional, before, "text_encoder"
            )
        tower = net(Appearance, "image_encoder", self.preset.appearance)
        params = tower.params
        tokens = UnconditionalParams((params.picture // params.patch) ** 2 + 1, params.width)
        return tower, net(Unconditional, "text_encoder", tokens)

    def draw(self, position: int) -> dict[str, Any]:
        return self.sample(self.seen, self.random(position))

    def sample(self, parts: Sequence[Footage], random: np.random.Generator) -> dict[str, Any]:
        """A frame with its control picture, another frame of the same person, and how noisy it is."""
        chances = np.array([len(part) for part in parts], float)
        part = parts[random.choice(len(parts), p=chances / chances.sum())]
        size = self.unet.params.side // self.vae.params.stride
        drawn = {
            "t": int(random.integers(ScheduleParams.num_train_timesteps)),
            "noise": random.standard_normal((self.vae.params.channels, size, size), np.float32),
            "told": random.random() >= self.preset.dropped,
        }
        wanted, other = (int(random.integers(len(part))) for _ in range(2))
        return drawn | self.shown(part, wanted, other)

    def shown(self, part: Footage, wanted: int, other: int) -> dict[str, Any]:
        """`frame`, `render` and `appearance` uint8 (side, side, 3)."""
        return {
            "frame": np.array(part.frames[wanted]),
            "render": np.array(part.renders[wanted]),
            "appearance": np.array(part.frames[other]),
        }

    def known(self, batch: Batch) -> Tensor | None:
        """What else the denoiser is shown (b, k, h, w)."""
        return self.vae.encode(scaled(batch["appearance"])) if self.unet.params.beside else None

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"noise": self.error(self.networks, batch)}

    def error(self, networks: Networks, batch: Batch) -> Tensor:
        """Mean squared error of the noise."""
        unet, control = (networks[self.stems[name]] for name in ("unet", "control"))
        with torch.no_grad():
            latents, known = self.vae.encode(scaled(batch["frame"])), self.known(batch)
        noise, t = batch["noise"], batch["t"]
        noisy: Any = self.scheduler.add_noise(latents, noise, t)  # type: ignore[arg-type]
        context = self.context(networks, batch)
        residuals = control(noisy[:, :, None], t, context, controls(batch)[:, :, None], 1.0)
        given = noisy if known is None else torch.cat([noisy, known], 1)
        return F.mse_loss(unet(given[:, :, None], t, context, residuals)[:, :, 0], noise)

    def context(self, networks: Networks, batch: Batch) -> Tensor:
        """Tokens of appearance (b, n, d), or of none."""
        tower = networks.get("image_encoder", self.appearance)
        tokens = tower(scaled(batch["appearance"]))
        return torch.where(batch["told"][:, None, None], tokens, self.nothing.tokens)

    def pictures(self, networks: Networks) -> np.ndarray:
        """Rows: appearance, control picture, what was drawn by them, the frame."""
        batch = self._held_out(SHOWN, self.seen)
        batch["told"] = torch.ones_like(batch["told"])
        context, known, shown = self.context(networks, batch), self.known(batch), controls(batch)
        unet, control = (networks[self.stems[name]] for name in ("unet", "control"))
        sampling = SamplingParams(STEPS, 2.0, 1.0, WindowParams(1, 0))
        rows = []
        for index in range(SHOWN):
            both = torch.stack([self.nothing.tokens, context[index]])
            denoiser: Any = Denoiser(unet, control, both, self.scheduler, sampling)  # type: ignore[arg-type]
            frame = Frame(batch["noise"][index], shown[index], None if known is None else known[index])
            (made,) = denoiser.sample([frame])
            rows.append(pixels(self.vae.decode(made.latent[None]))[0])
        size = (self.unet.params.side,) * 2
        sheet = [F.interpolate(scaled(batch[name]), size) for name in ("appearance", "render", "frame")]
        first, second, last = map(pixels, sheet)
        return np.stack([first, second, np.stack(rows), last], 1)

    def evaluate(self, networks: Networks) -> dict[str, float]:
        """The error on the ends of videos, which were not learned from."""
        return {"unseen_noise": self.error(networks, self._held_out(HELD_OUT, self.unseen)).item()}

    def weights(self, networks: Networks) -> dict[str, dict[str, Tensor]]:
        found = super().weights(networks)
        return found | ({name: merged(net) for name, net in networks.items()} if self.preset.rank else {})

    def _held_out(self, count: int, parts: Sequence[Footage]) -> Batch:
        drawn = [self.sample(parts, self.random(number, "held out")) for number in range(count)]
        batch = torch.utils.data.default_collate(drawn)
        device = next(self.unet.parameters()).device
        return {name: value.to(device) for name, value in batch.items()}


class Body(Pass):
    """Stage 1: the whole frame."""

    name = "body"


class Head(Pass):
    """Stage 2: the head, where the mask of the face asks for it, beside what is kept of it."""

    name = "head"

    def shown(self, part: Footage, wanted: int, other: int) -> dict[str, Any]:
        side = self.unet.params.side
        cut = cut_out(np.array(part.frames[wanted]), np.array(part.renders[wanted]), part.face(wanted), side)
        appearance = crop_face(np.array(part.frames[other]), part.face(other), recipe(side)).image
        return {"frame": cut.crop, "render": cut.render, "appearance": appearance, "asked": cut.asked}

    def known(self, batch: Batch) -> Tensor:
        crops, asked = scaled(batch["frame"]), batch["asked"][:, None].float()
        kept = self.vae.encode(crops * (1 - asked))
        beside = super().known(batch)
        return torch.cat([F.interpolate(asked, kept.shape[-2:]), kept, *([] if beside is None else [beside])], 1)


def controls(batch: Batch) -> Tensor:
    """Control pictures (b, 3, h, w) in [0, 1]."""
    return batch["render"].permute(0, 3, 1, 2).float() / 255
