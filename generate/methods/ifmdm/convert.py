"""Checkpoints of IF-MDM's official first stage as our networks.

Source: ifmdm/ifmdm.github.io 4192501, `code/train_stage1.py`: a dict with the networks under `gen` and
`dis`, beside them the optimisers and arguments. No trained one has been published.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ....core.errors import AssetError, UsageError
from ...nets import discriminator
from ...nets.latentwarp.net import LatentWarp
from ...nets.latentwarp.official import load_official
from ...nets.renaming import HINT


def stage1(generator: Mapping[str, Tensor], name: str = "IF-MDM's first stage") -> LatentWarp:
    """The auto-encoder from the entry `gen` of a checkpoint.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    return load_official(generator, name, tanh=True)


def stage1_discriminator(
    weights: Mapping[str, Tensor], name: str = "IF-MDM's discriminator"
) -> discriminator.Discriminator:
    """The discriminator from the entry `dis` of a checkpoint.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    blocks = sum(key.endswith(".skip.1.weight") for key in weights)
    try:
        net = discriminator.Discriminator(4 << min(blocks, 10))
    except UsageError as error:
        raise AssetError("bad_checkpoint", f"{name} does not fit: {error}", HINT) from error
    net.load_state_dict(discriminator.OFFICIAL.convert(weights, net.state_dict(), name))
    return net.eval()
