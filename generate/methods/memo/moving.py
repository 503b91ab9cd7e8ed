"""Stage 2 of MEMO's training: clips drawn after the frames before them, to a voice.

Zheng et al. 2024 (arXiv 2412.04448), section 4.1: modules for sound and time are warmed up, then trained with samples
left out whose loss says that picture and sound do not belong together, on pasts of several lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ....core.errors import AssetError
from ....core.training import Batch, Card, Networks, Request, Turn, constant, cosine
from ...latent.networks import installed, load_network
from ...latent.samples import LICENCES, crops
from ...ldm import begin
from ...ldm.autoencoder import LOOKED
from ...nets.ldm import flow
from .card import CARD, PUBLISHED
from .examples import Example, examples
from .faces import drawn_share, nobody, spatial
from .hearing import Listener, around
from .model import Conditions, DiffusionNet, split
from .params import NULL, EmotionParams
from .presets import MotionPreset
from .projections import AudioProjection, EmotionClassifier, ImageProjection
from .reference import ReferenceNet

HELD_OUT = 8  # clips of the evaluation
FEELING = 1e-3  # learning rate of the classifier


class Moving(begin.Whole):
    """Trains the modules of `DiffusionNet` for sound and time, `AudioProjection`, and where files name emotions a
    classifier of voices."""

    def __init__(self, request: Request) -> None:
        preset: MotionPreset = request.preset
        self.preset, self.steps, self.batch_size, self.seed = preset, preset.steps, preset.batch, request.seed
        self.look_every = max(preset.steps // 10, LOOKED)
        self.vae = begin.autoencoder(request, CARD.name)
        before = begin.earlier(request, 1) if not request.begin else installed(CARD.name, request.begin)
        self.diffusion: Any = load_network(DiffusionNet, before, "diffusion_net")
        self.reference = load_network(ReferenceNet, before, "reference_net")
        self.image = load_network(ImageProjection, before, "image_proj")
        make = None if request.begin else lambda: AudioProjection(preset.audio)
        self.audio: Any = begin.network(request, CARD.name, AudioProjection, "audio_proj", make)
        parts, listener = crops(request, self.vae.params.side), self._listener(request)
        self.clips, self.unseen = (
            examples(
                part.clips, self.vae, request.cache, emotions=self.diffusion.params.emotions, listener=listener,
                shortest=preset.length + 1, progress=request.progress,
            )
            for part in parts
        )  # fmt: skip
        if not self.clips or not self.unseen:
            message = f"{'no clip' if not self.clips else 'no clip that is kept apart'} has sound and is long enough"
            raise AssetError("data_missing", message, f"Train on clips of {preset.length + 1} frames and more.")
        self.networks = {"diffusion_net": self.diffusion, "audio_proj": self.audio}
        self.frozen = {"reference_net": self.reference, "image_proj": self.image, "vae": self.vae}
        self.along = tuple(self.frozen) if request.begin else ()
        still = {id(value) for value in spatial(self.diffusion)}
        moved = [value for value in self.diffusion.parameters() if id(value) not in still]
        adam = torch.optim.AdamW([*moved, *self.audio.parameters()], preset.rate, weight_decay=0.01)
        schedule = cosine(20) if preset.falling else constant(20)
        self.turns = [Turn("motion", adam, self.losses, weights={"kept": 0}, schedule=schedule)]
        if any(clip.emotion != NULL for clip in self.clips):
            self.networks["emotion_classifier"] = self._feels()
        elif not request.begin:
            self.diffusion.params = replace(self.diffusion.params, emotions=())  # it will not know any
        self.averages = dict.fromkeys(self.networks, 0.999)
        self.card = Card(
            name=CARD.name,
            architecture=f"MEMO, {begin.count(self.diffusion, self.reference)}, on {self.audio.params.kind}",
            licences=LICENCES,
            data=parts[0].sources(),
        )

    def _listener(self, request: Request) -> Listener:
        encoder = None
        if self.audio.params.kind == "wav2vec2":
            encoder = installed(CARD.name, f"{request.begin or PUBLISHED}-wav2vec2").files[0].path.parent
        return Listener(encoder, self.audio.params)

    def _feels(self) -> EmotionClassifier:
        heard = self.clips[0].sound
        assert heard is not None
        net = EmotionClassifier(EmotionParams(heard[0].size, 64, 3))
        adam = torch.optim.AdamW(net.parameters(), FEELING)
        self.turns = [*self.turns, Turn("emotion", adam, self.feeling)]
        return net

    def draw(self, position: int) -> dict[str, Any]:
        step, past = position // self.batch_size, self.preset.past
        chosen = past[self.random(step, "past").integers(len(past))]
        told = self.sample(self.clips, self.random(position), chosen)
        return told | {"filtered": step >= self.preset.warm * self.steps}

    def sample(self, clips: Sequence[Example], random: np.random.Generator, past: int) -> dict[str, Any]:
        """A clip of `length` frames, `past` frames before it, another frame, and how it is asked for."""
        clip = clips[random.integers(len(clips))]
        length, (unseen, unheard, unpast, still) = self.preset.length, self.preset.dropped
        first = int(random.integers(len(clip) - length + 1))
        before = np.arange(first - past, first).clip(0)
        if random.random() < still:
            before[:] = before[0]
        seen, wanted = (np.asarray(clip.latents[rows], np.float32) for rows in (before, slice(first, first + length)))
        heard = clip.sound
        assert heard is not None
        around_each = torch.cat(list(around([torch.from_numpy(heard)], self.audio.params.window)))
        frames = range(first, first + length)
        weighed = (
            [clip.weight(index) for index in frames] if self.preset.attentive else [np.ones((1, 1, 1), np.float32)]
        )
        return {
            "weight": np.stack(weighed),
            "reference": np.asarray(clip.latents[random.integers(len(clip))], np.float32),
            "past": seen * (random.random() >= unpast),
            "wanted": wanted,
            "noise": random.standard_normal(wanted.shape, np.float32),
            "share": drawn_share(random),
            "sound": around_each[first : first + length].numpy(),
            "heard": random.random() >= unheard,
            "told": random.random() >= unseen,
            "felt": clip.emotion,
            "emotion": clip.emotion if random.random() >= self.preset.unfelt else NULL,
            "filtered": False,
        }

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        errors = self.errors(self.networks, batch)
        kept = ~batch["filtered"] | (errors.detach() <= self.preset.threshold)
        return {"error": (errors * kept).mean(), "kept": kept.float().mean().detach()}

    def errors(self, networks: Networks, batch: Batch) -> Tensor:
        """Squared error of each sample (b,)."""
        batch = {name: value[batch["told"].int().argsort(stable=True)] for name, value in batch.items()}
        net: Any = networks["diffusion_net"]
        count, frames = batch["wanted"].shape[:2]
        face = nobody(self.image, count)
        tokens = networks["audio_proj"](batch["sound"]) * batch["heard"].view(-1, 1, 1, 1)
        with torch.no_grad():  # the past is looked at, not learned from
            seen = torch.cat([batch["reference"][:, None], batch["past"]], 1)
            bank = self.reference(seen.flatten(0, 1), face.repeat_interleave(seen.shape[1], 0))
            reference, past = split(bank, count)
            memory = net.remember(past)
            looked = {name: each.frames(frames) for name, each in net.look(reference).items()}
        wanted, noise, weight = (batch[name].transpose(1, 2) for name in ("wanted", "noise", "weight"))  # b c f h w
        x, t = flow.mixed(wanted, noise, batch["share"])
        told = Conditions(face, tokens, batch["emotion"], int((~batch["told"]).sum()), batch["reference"])
        return flow.misses(net(x, t, told, looked, memory), wanted, noise, batch["share"], weight)

    def feeling(self, batch: Batch) -> Mapping[str, Tensor]:
        """How surprising the named emotions are to the classifier."""
        named = (batch["felt"] != NULL).float()
        heard = batch["sound"][:, :, self.audio.params.window // 2].mean(1).flatten(1)
        chances = self.networks["emotion_classifier"](heard)
        surprise = F.nll_loss(chances.clamp_min(1e-6).log(), batch["felt"].clamp_max(NULL - 1), reduction="none")
        return {"surprise": (surprise * named).mean()}

    def evaluate(self, networks: Networks) -> dict[str, float]:
        """The error on people that were not learned from."""
        device = next(self.diffusion.parameters()).device
        errors = []
        for number in range(HELD_OUT):
            sample = self.sample(self.unseen, self.random(number, "held out"), self.preset.past[0])
            batch = {name: torch.as_tensor(value)[None].to(device) for name, value in sample.items()}
            batch["share"] = batch["share"].float()
            errors.append(self.errors(networks, batch).item())
        return {"unseen_error": float(np.mean(errors))}
