"""Official checkpoints of AniTalker's first stage as our network.

Source: X-LANCE/AniTalker 738c562 (Apache-2.0), file `stage1.ckpt`: a flat state dict, the network
under `lia.` and beside it what only its training needed.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ...nets.latentwarp.net import LatentWarp
from ...nets.latentwarp.official import load_official


def stage1(checkpoint: Mapping[str, Tensor], name: str = "AniTalker's first stage") -> LatentWarp:
    """The auto-encoder of a `stage1.ckpt`.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    inner = {key.removeprefix("lia."): value for key, value in checkpoint.items()}
    return load_official({key: value for key, value in inner.items() if key.startswith(("enc.", "dec."))}, name)
