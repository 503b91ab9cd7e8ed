"""Training of the temporal detector: a small transformer on windows of rows, people and kinds weighing the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core.random import generator
from .calibration import Calibration
from .detectors.motion import NAMES
from .detectors.residual import standardise
from .detectors.temporal import TemporalModel

if TYPE_CHECKING:
    from .fitting import Corpus

STEPS, BATCH, RATE = 80, 32, 2e-3
NO_CLAIMS = Calibration(1.0, 0.0, np.zeros(1), np.ones(1))


def fit_temporal(corpus: Corpus, seed: int, steps: int = STEPS) -> TemporalModel:
    """A model without calibration, from clips whose rows are those of `motion.NAMES`."""
    import torch

    from .detectors.sequence import SequenceNet, SequenceParams
    from .fitting import weigh

    weights = weigh(corpus)
    means = np.array([np.nanmean(rows, 0) for rows in corpus.rows])
    mean = weights @ means
    scale = np.sqrt(weights @ np.array([((rows - mean) ** 2).mean(0) for rows in corpus.rows])) + 1e-6
    inputs = [standardise(rows, mean, scale).astype(np.float32) for rows in corpus.rows]
    synthetic = corpus.synthetic.astype(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = SequenceNet(SequenceParams(len(NAMES))).train()
        window = net.params.window
        adam = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.1)
        slow = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
        draw = generator(seed, "temporal")
        for _ in range(steps):
            chosen = draw.choice(len(inputs), BATCH, p=weights / weights.sum())
            firsts = [int(draw.integers(len(inputs[i]) - window + 1)) for i in chosen]
            rows = np.stack([inputs[i][first : first + window] for i, first in zip(chosen, firsts, strict=True)])
            rows += draw.normal(0, 0.3, (BATCH, 1, rows.shape[2])).astype(np.float32)  # another camera, another face
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                net(torch.from_numpy(rows)), torch.from_numpy(synthetic[chosen])
            )
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()
            slow.step()
    model = TemporalModel(net.eval(), mean, scale, NO_CLAIMS)
    far = 1.1 * max(model.distance(rows) for rows in corpus.rows)
    return TemporalModel(model.net, mean, scale, NO_CLAIMS, far)
