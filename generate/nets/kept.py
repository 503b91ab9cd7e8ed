"""What follows from weights alone, made once for as long as nothing is learned."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def kept(owner: nn.Module, name: str, weight: Tensor, make: Callable[[], Tensor]) -> Tensor:
    """What `make` makes of a weight of `owner`, from the last call if the weight is still the same.

    It is no part of the module's state. Where gradients may be asked for, everything is made anew.
    """
    if torch.is_grad_enabled() or weight.is_inference():
        return make()
    # a weight changes by assignment, by `.data` (as `to` does), or in place, which its version counts
    state = (id(weight), weight.data_ptr(), weight.device, weight.dtype, weight._version)
    held = owner.__dict__.setdefault("_kept", {})
    if name not in held or held[name][0] != state:
        held[name] = (state, make())
    return held[name][1]
