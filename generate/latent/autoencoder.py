"""First stage of the latent-warp methods: the second of two frames is drawn from the first and a motion code.

Losses of LIA (Wang et al. 2022, section 3.3): reconstruction, perceptual, adversarial; and one on the flow itself,
which tracked landmarks make possible and which saves most of the training. Methods add their own in `more`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import UsageError
from ...core.training import Batch, Card, Networks, Request, Stage, Turn, constant, cosine
from ...datasets.crops import Crops, FaceClip
from ..nets.discriminator import Discriminator
from ..nets.latentwarp import Appearance, LatentWarp, LatentWarpParams
from .jitter import Jitter, Shot
from .losses import flow, fooled, judged, pyramid, r1
from .networks import AUTOENCODER, installed, load_network
from .perceptual import perceptual
from .samples import EMPHASIS, LICENCES, LIPS, crops, mirrored, otherwise, pair, pixels, shot
from .told import Told

HELD_OUT = 24  # pairs of the evaluation
SHOWN = 6
TOLD_PAIRS = 1500  # from which principal movements are found
SEEN = 2.0  # logit of the mask at the beginning
R1_EVERY = 16  # steps between two gradient penalties


@dataclass(frozen=True)
class AutoencoderPreset:
    """How a first stage is trained.

    Attributes:
        steps, batch, expect: as every preset.
        net: the network.
        rate: learning rate of Adam.
        falling: whether it falls to nothing, by half a cosine; else it stays.
        colours, flow, adversarial: weights of the losses; 0 leaves the discriminator out.
        perceptual: "pyramid" (needs nothing) or "vgg19" (the papers' loss; needs the weights of torchvision).
        own: weights of the method's own losses.
        told: weight of the loss that tells motion codes how landmarks moved (`Told`); 0 leaves it out.
        mouths: share of the pairs whose mouths are as different as a few tries allow.
        jitter: how both frames are moved about; None leaves them where they are.
    """

    steps: int
    batch: int
    expect: str
    net: LatentWarpParams
    rate: float = 2e-3
    falling: bool = False
    colours: float = 1.0
    flow: float = 40.0
    adversarial: float = 0.0
    perceptual: str = "pyramid"
    own: Mapping[str, float] | None = None
    told: float = 0.0
    mouths: float = 0.0
    jitter: Jitter | None = field(default_factory=Jitter)


class Autoencoder(Stage):
    """Trains a `LatentWarp` of a preset.

    Args:
        request: with an `AutoencoderPreset`.
        name: of the weight record.
    """

    def __init__(self, request: Request, *, name: str) -> None:
        preset: AutoencoderPreset = request.preset
        self.preset, self.steps, self.batch_size, self.seed = preset, preset.steps, preset.batch, request.seed
        size = preset.net.size
        self.crops, self.unseen = crops(request, size)
        self.net = LatentWarp(preset.net)
        self.networks: dict[str, nn.Module] = {AUTOENCODER: self.net}
        if request.begin:
            begin_as(self.net, load_network(LatentWarp, installed(name, request.begin), AUTOENCODER))
        else:
            begin_still(self.net)
        self.averages = {AUTOENCODER: 0.999}
        self.looks = perceptual(preset.perceptual)
        self.emphasis = torch.from_numpy(EMPHASIS)
        self.frozen = {"perceptual": self.looks} if isinstance(self.looks, nn.Module) else {}
        self.judge = None
        if preset.adversarial:
            self.judge = self.networks["discriminator"] = Discriminator(size, width=preset.net.width)
        if preset.told:
            pairs = (self.sample(self.crops, self.random(n, "told"), preset.jitter) for n in range(TOLD_PAIRS))
            moves = np.stack([pair["driving_points"] - pair["source_points"] for pair in pairs])
            self.told = Told(moves, preset.net.motion)
        self.turns = self.build_turns()
        count = sum(each.numel() for each in self.net.parameters())
        self.card = Card(
            name=name,
            architecture=f"latent-warp auto-encoder, {size} px, {count:,} parameters",
            licences=LICENCES,
            data=self.crops.sources(),
        )

    def build_turns(self) -> list[Turn]:
        """The turns of a step; a method may add some."""
        preset = self.preset
        weights = {
            "flow": preset.flow,
            "colours": preset.colours,
            "adversarial": preset.adversarial,
            "told": preset.told,
        }
        weights |= preset.own or {}
        momentum = 0.0 if preset.adversarial else 0.9  # as usual against a discriminator, and alone
        schedule = cosine(100) if preset.falling else constant(100)
        adam = torch.optim.Adam(self.parameters(), preset.rate, betas=(momentum, 0.99))
        turns = [Turn("generator", adam, self.make, weights=weights, schedule=schedule)]
        if self.judge is None:
            return turns
        other = torch.optim.Adam(self.judge.parameters(), preset.rate, betas=(0.0, 0.99))
        tell = Turn("discriminator", other, self.tell)
        return [*turns, tell, Turn("r1", other, self.penalty, every=R1_EVERY, weights={"r1": 10.0 * R1_EVERY})]

    def parameters(self) -> list[nn.Parameter]:
        """What the generator's optimiser moves; a method with more networks adds to it."""
        return list(self.net.parameters())

    def draw(self, position: int) -> dict[str, Any]:
        random = self.random(position)
        sample = self.sample(self.crops, random, self.preset.jitter)
        return sample | mirrored(sample) if random.random() < 0.5 else sample

    def sample(self, clips: Crops, random: np.random.Generator, jitter: Jitter | None) -> dict[str, Any]:
        """Two frames of a clip, moved about, and what the method adds."""
        clip, first, second = clips.pair(random)
        if random.random() < self.preset.mouths:
            second = otherwise(clip, first, random)
        source, driving = shot(clip, first), shot(clip, second)
        if jitter is not None:
            source, driving = jitter(source, driving, random)
        return pair(source, driving) | self.extra(clip, source, driving, random)

    def extra(self, clip: FaceClip, source: Shot, driving: Shot, random: np.random.Generator) -> dict[str, Any]:
        """More entries of a sample, for a method's own losses."""
        return {}

    def motion(self, net: LatentWarp, batch: Batch) -> Tensor:
        """The motion codes of the driving frames."""
        return net.motion(batch["driving"])

    def resting(self, net: LatentWarp, batch: Batch, appearance: Appearance) -> Tensor:
        """The motion codes of the portraits."""
        return net.motion_of(appearance.code)

    def more(self, batch: Batch, appearance: Appearance, codes: Tensor) -> dict[str, Tensor]:
        """A method's own losses."""
        return {}

    def make(self, batch: Batch) -> dict[str, Tensor]:
        appearance, codes = self.net.encode(batch["source"]), self.motion(self.net, batch)
        decoded = self.net.decode_with_flow(appearance, codes)
        points = batch["source_points"], batch["driving_points"]
        batch["made"] = decoded.picture.detach()
        losses = {
            "colours": self.looks(decoded.picture, batch["driving"], batch["weight"]),
            "flow": flow(decoded.flows, *points, self.emphasis.to(codes.device)),
        }
        if self.judge is not None:
            losses["adversarial"] = fooled(self.judge(decoded.picture))
        if self.preset.told:
            losses["told"] = self.told(codes - self.resting(self.net, batch, appearance), *points)
        return losses | self.more(batch, appearance, codes)

    def tell(self, batch: Batch) -> dict[str, Tensor]:
        assert self.judge is not None
        return {"judged": judged(self.judge(batch["driving"]), self.judge(batch["made"]))}

    def penalty(self, batch: Batch) -> dict[str, Tensor]:
        assert self.judge is not None
        return {"r1": r1(self.judge, batch["driving"])}

    def pictures(self, networks: Networks) -> np.ndarray:
        """Rows: portrait, driving frame, what was made, the flow's mask."""
        net = cast(LatentWarp, networks[AUTOENCODER])
        rows = []
        for batch in self._held_out(SHOWN, self.preset.jitter):
            decoded = net.decode_with_flow(net.encode(batch["source"]), self.motion(net, batch))
            shown = [
                batch["source"],
                batch["driving"],
                decoded.picture,
                2 * decoded.masks[-1].expand(-1, 3, -1, -1) - 1,
            ]
            rows.append(np.stack([pixels(each)[0] for each in shown]))
        return np.stack(rows)

    def evaluate(self, networks: Networks) -> dict[str, float]:
        """Differences on people that were not learned from, beside those of the portrait standing still.

        Pairs as the clips have them, and the same moved about: "jittered", where the preset does so.
        """
        figures = self._figures(networks, None)
        if self.preset.jitter is not None:
            apart = replace(self.preset.jitter, alike=0.0)
            figures |= {f"jittered_{name}": value for name, value in self._figures(networks, apart).items()}
        return figures

    def _figures(self, networks: Networks, jitter: Jitter | None) -> dict[str, float]:
        net = cast(LatentWarp, networks[AUTOENCODER])
        rows = []
        for batch in self._held_out(HELD_OUT, jitter):
            decoded = net.decode_with_flow(net.encode(batch["source"]), self.motion(net, batch))
            source, driving = batch["source_points"], batch["driving_points"]
            still = [torch.zeros_like(decoded.flows[-1])]
            rows.append(
                {
                    "difference": pyramid(decoded.picture, batch["driving"], batch["weight"]).item(),
                    "difference_of_the_still_portrait": pyramid(
                        batch["source"], batch["driving"], batch["weight"]
                    ).item(),
                    "flow_error": flow(decoded.flows, source, driving).item(),
                    "flow_error_of_the_still_portrait": flow(still, source, driving).item(),
                    "lips_error": flow(decoded.flows, source[:, LIPS], driving[:, LIPS]).item(),
                    "lips_error_of_the_still_portrait": flow(still, source[:, LIPS], driving[:, LIPS]).item(),
                }
            )
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def _held_out(self, count: int, jitter: Jitter | None) -> list[Batch]:
        device = next(self.net.parameters()).device
        found = []
        for number in range(count):
            sample = self.sample(self.unseen, self.random(number, "held out"), jitter)
            found.append({name: torch.as_tensor(value)[None].to(device) for name, value in sample.items()})
        return found


def begin_as(net: LatentWarp, other: LatentWarp) -> None:
    """Take over what another method's network has learned, wherever names and shapes agree.

    An encoder of its own for motion begins as the other's encoder.

    Raises:
        UsageError: `usage` if less than half of the network is found there.
    """
    learned = other.state_dict()
    learned |= {f"motion_{name}": tensor for name, tensor in learned.items() if name.startswith("encoder.")}
    own = net.state_dict()
    fitting = {name: tensor for name, tensor in learned.items() if name in own and own[name].shape == tensor.shape}
    if sum(map(torch.numel, fitting.values())) < sum(map(torch.numel, own.values())) / 2:
        raise UsageError(
            "usage", "those weights are of other sizes than this preset", "Begin from weights of its size."
        )
    net.load_state_dict(fitting, strict=False)


def begin_still(net: LatentWarp) -> None:
    """Let training begin with hardly any flow, and with the portrait seen nearly everywhere.

    Then the first thing learned is to show the portrait, sharp, and motion departs from there; with random flows,
    colours of wrong places are learned first and have to be forgotten.
    """
    with torch.no_grad():
        scales: Any = net.decoder.scales
        for number, scale in enumerate(scales):
            scale.flow.weight.mul_(0.05)
            if number == 0:
                scale.flow.bias[2] = SEEN
