"""A stage with everything that can go wrong on a resume: dropout, running statistics, averages, three turns on two
optimisers. As a script: train it in a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from facewright.core.training import Card, Options, Stage, Turn, cosine, fit
from torch import nn
from torch.nn.functional import softplus

LICENCES = {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "none"}


class Toy(Stage):
    """Learn to rotate a vector of four, against a critic.

    Args:
        plain: without the layers whose result depends on how a batch is dealt out.
        at: called with every position that is drawn.
    """

    def __init__(self, steps: int = 24, *, plain: bool = False, at=lambda position: None) -> None:
        self.steps, self.batch_size, self.seed, self.look_every, self.at = steps, 8, 5, 8, at
        self.card = Card("toy", "two layers", LICENCES, ["numbers drawn"])
        layers = [nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 4)]
        if not plain:
            layers[2:2] = [nn.BatchNorm1d(16), nn.Dropout(0.2)]
        self.maker, self.critic = nn.Sequential(*layers), nn.Linear(4, 1)
        self.networks = {"maker": self.maker, "critic": self.critic}
        self.averages = {"maker": 0.9}
        makers = torch.optim.Adam(self.maker.parameters(), 1e-2)
        critics = torch.optim.SGD(self.critic.parameters(), 1e-2, momentum=0.9)
        self.turns = (
            Turn("maker", makers, self.make, weights={"adversarial": 0.1}, schedule=cosine(4)),
            Turn("critic", critics, self.judge),
            Turn("lazy", critics, lambda _: {"size": self.critic.weight.square().mean()}, every=3),
        )

    def draw(self, position):
        self.at(position)
        x = self.random(position).normal(size=4).astype(np.float32)
        return {"x": x, "wanted": np.roll(x, 1)}

    def make(self, batch):
        made = self.maker(batch["x"])
        batch["made"] = made.detach()
        return {
            "distance": (made - batch["wanted"]).square().mean(),
            "adversarial": softplus(-self.critic(made)).mean(),
        }

    def judge(self, batch):
        wanted, made = self.critic(batch["wanted"]), self.critic(batch["made"])
        return {"real": softplus(-wanted).mean(), "made": softplus(made).mean()}

    def pictures(self, networks):
        tiles = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1)
        return np.broadcast_to(tiles, (2, 3, 4, 5, 3))

    def evaluate(self, networks):
        x = torch.from_numpy(np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32))
        return {"distance": (networks["maker"](x) - x.roll(1, 1)).square().mean().item()}


def train(folder: Path, *, steps: int = 24, plain: bool = False, at=lambda position: None, progress=None, **options):
    """Train the toy in `folder`."""
    said = {"progress": progress} if progress else {}
    return fit(
        lambda: Toy(steps, plain=plain, at=at),
        folder,
        identity={"seed": 5, "steps": steps, "plain": plain},
        options=Options(**{"device": "cpu", **options}),
        command="toy",
        **said,
    )


if __name__ == "__main__":
    print(json.dumps(train(Path(sys.argv[1]), plain=True)))
