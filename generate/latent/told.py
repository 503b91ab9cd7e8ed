"""Motion codes that are told what moved: principal movements of tracked landmarks, one for each entry of a code.

Left to the pictures alone, a code first learns what changes most pixels, the head; the mouth's direction in the code
and what the decoder makes of it both begin near nothing, and neither can grow without the other. Movements at unit size
give lips that part as large a code as a head that turns.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .samples import EMPHASIS

SPREAD = 0.25  # standard deviation of an entry of a code: well within the reach of squashed ones
FARTHEST = 3.0  # of these deviations; rarer movements are told no farther


class Told:
    """The loss of codes against principal movements.

    Args:
        moves: float32 (n, points, 2), what landmarks do between the frames of pairs, in [-1, 1] of the crop.
        motion: length of the codes.
    """

    def __init__(self, moves: np.ndarray, motion: int) -> None:
        weight = np.sqrt(EMPHASIS)[:, None]
        flat = (moves * weight).reshape(len(moves), -1)
        _, sizes, axes = np.linalg.svd(flat, full_matrices=False)
        scale = SPREAD * np.sqrt(len(moves)) / sizes[:motion]
        axes = axes[:motion] * scale[:, None] * np.broadcast_to(weight, moves.shape[1:]).reshape(-1)
        self.axes = torch.from_numpy(axes.astype(np.float32))

    def __call__(self, change: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        """Mean distance of changes of codes (b, motion) from the movement of landmarks (b, points, 2)."""
        moved = (driving - source).flatten(1) @ self.axes.to(change.device).T
        return F.smooth_l1_loss(change, moved.clamp(-FARTHEST * SPREAD, FARTHEST * SPREAD), beta=SPREAD / 5)
