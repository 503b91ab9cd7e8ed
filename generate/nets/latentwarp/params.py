"""Options of the latent-warp auto-encoder."""

from __future__ import annotations

from dataclasses import dataclass

from ....core.errors import UsageError
from ..widths import stages


@dataclass(frozen=True)
class LatentWarpParams:
    """What one auto-encoder is made of. All options off is LIA.

    Attributes:
        size: side of the pictures, a power of two from 8 to 1024.
        style: length of the appearance code and of the styles.
        motion: length of the motion code: the number of directions.
        width: factor on the number of channels; 1 is the papers' size, 0.25 has a twentieth of the weights.
        hal: AniTalker's hierarchical aggregation: the code is a learned mean of all stages of the encoder.
        decouple: AniTalker's heads that split the code into identity and motion.
        tanh: IF-MDM: motion codes are squashed to (-1, 1).
        fill: IF-MDM: a branch paints what the portrait does not show.
        refine: IF-MDM: a block of plain convolutions corrects the finished picture.
        own_motion_encoder: INFP: motion codes come from an encoder of their own, which sees a hybrid picture.
        endpoint_grid: the grid of the official LIA family, which spans -1 to 1 between the centres of the outermost
            pixels and is read as if it spanned their edges, so that zero flow shrinks by a pixel. Off, zero flow is
            the identity.
    """

    size: int = 256
    style: int = 512
    motion: int = 20
    width: float = 1.0
    hal: bool = False
    decouple: bool = False
    tanh: bool = False
    fill: bool = False
    refine: bool = False
    own_motion_encoder: bool = False
    endpoint_grid: bool = False

    def __post_init__(self) -> None:
        stages(self.size, self.width)
        if not 0 < self.motion <= self.style:
            raise UsageError("bad_config", f"{self.motion} directions do not fit a style of {self.style}")
