"""Networks that training begins with: those of an earlier stage, those of weights that are here, or new ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ...core.errors import AssetError
from ...core.training import Networks, Request, Stage
from ...core.weights import WeightRecord, read_record
from ..latent.networks import installed, load_network
from ..nets import stored
from ..nets.ldm.vae import VAE
from .autoencoder import STEM


def earlier(request: Request, stage: int) -> WeightRecord:
    """The weights of an earlier stage of the same run; AssetError `stage_missing`."""
    return read_record(request.result(stage) / "record.json")


def autoencoder(request: Request, method: str) -> VAE:
    """The auto-encoder of the weights to begin from, or of stage 0.

    Raises:
        AssetError: `stage_missing`, `weights_missing`.
    """
    held = installed(method, request.begin) if request.begin else earlier(request, 0)
    return load_network(VAE, held, STEM)


def network(
    request: Request, method: str, kind: type[stored.Net], stem: str, make: Callable[[], stored.Net] | None
) -> stored.Net:
    """A network of the weights to begin from, without gradients; or a new one, where `make` makes one.

    Raises:
        AssetError: `weights_missing`.
    """
    if request.begin:
        return load_network(kind, installed(method, request.begin), stem)
    if make is None:
        hint = f"Name weights to begin from: --begin {method}-official, or those of a run of your own."
        raise AssetError("weights_missing", f"this preset begins from weights of {method}", hint)
    return make().requires_grad_(False)


class Whole(Stage):
    """A stage whose weights are those of a method that can run: what it began from and left as it was ships along.

    Attributes:
        along: names among `frozen`.
    """

    along: tuple[str, ...] = ()

    def weights(self, networks: Networks) -> dict[str, dict[str, Tensor]]:
        kept = {name: dict(self.frozen[name].state_dict()) for name in self.along}
        return super().weights(networks) | kept


def count(*nets: Any) -> str:
    """How many parameters there are, for a record."""
    return f"{sum(each.numel() for net in nets for each in net.parameters()):,} parameters"
