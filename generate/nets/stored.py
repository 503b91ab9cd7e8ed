"""A network and its sizes in one safetensors file, which rebuilds it without any other source."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import torch
from torch import nn

from ...core.errors import AssetError
from ...core.training.tensors import read_tensors, write_tensors

Net = TypeVar("Net", bound=nn.Module)
AGAIN = "Import or train these weights again."


def save(net: nn.Module, path: Path) -> None:
    """Write a network that has `params`, a dataclass of plain values and such dataclasses."""
    params: Any = net.params
    write_tensors(path, net.state_dict(), {"network": type(net).__name__, "params": asdict(params)})


def load(kind: type[Net], path: Path) -> Net:
    """The network of class `kind` that `save` wrote, in float32 and ready to run.

    Raises:
        AssetError: `weights_missing`, or `bad_weights` if the file holds another network.
    """
    try:
        stored = read_tensors(path)
        if stored is None:
            raise AssetError("weights_missing", f"{path} is not there", AGAIN)
        tensors, facts = stored
        if facts["network"] != kind.__name__:
            raise AssetError("bad_weights", f"{path} holds a {facts['network']}, not a {kind.__name__}", AGAIN)
        bare = getattr(kind, "bare", False)  # its tensors are all in the file: a large network need not be made twice
        with torch.device("meta") if bare else nullcontext():
            net = kind(rebuild(get_type_hints(kind.__init__)["params"], facts["params"]))
        for name in tensors:
            if tensors[name].is_floating_point():
                tensors[name] = tensors[name].float()
        net.load_state_dict(tensors, assign=bare)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise AssetError("bad_weights", f"{path} holds no {kind.__name__} of this version: {error}", AGAIN) from error
    return net.eval()


def rebuild(hint: Any, values: Any) -> Any:
    """A dataclass from `asdict` of it that went through JSON; `hint` is its type, or a union with None."""
    kinds: list[Any] = [kind for kind in getattr(hint, "__args__", (hint,)) if is_dataclass(kind)]
    if not kinds or not isinstance(values, Mapping):
        return tuple(values) if isinstance(values, list) else values
    hints = get_type_hints(kinds[0])
    known = {field.name for field in fields(kinds[0])}
    if unknown := set(values) - known:
        raise ValueError(f"unknown sizes {', '.join(sorted(unknown))}")
    return kinds[0](**{name: rebuild(hints[name], value) for name, value in values.items()})
