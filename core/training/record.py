"""The end of a run: weights in safetensors, and the record that says what they are and how they were made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..atomic import write_json
from .stage import Networks, Stage
from .tensors import write_tensors

RECORD = "record.json"


def write_weights(
    folder: Path, stage: Stage, networks: Networks, *, made: Mapping[str, Any], metrics: Mapping[str, float]
) -> dict[str, Any]:
    """Write `folder`/*.safetensors and, last, record.json (read by `core.weights`).

    Returns:
        The record.
    """
    folder.mkdir(exist_ok=True)
    files = []
    for stem, tensors in stage.weights(networks).items():
        path = folder / f"{stem}.safetensors"
        stored = {name: _stored(tensor, stage.store) for name, tensor in tensors.items()}
        write_tensors(path, stored, _facts(networks.get(stem) or stage.frozen.get(stem)))
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        files.append({"file": path.name, "sha256": digest, "bytes": path.stat().st_size})
    record = {
        "name": stage.card.name,
        "architecture": stage.card.architecture,
        "files": files,
        "licences": dict(stage.card.licences),
        "data": list(stage.card.data),
        "made": dict(made),
        "metrics": dict(metrics),
    }
    write_json(folder / RECORD, record)
    return record


def _facts(network: nn.Module | None) -> dict[str, Any] | None:
    """What rebuilds a network: its class, and `params` if it keeps its sizes there."""
    params = getattr(network, "params", None)
    if not is_dataclass(params) or isinstance(params, type):
        return None
    return {"network": type(network).__name__, "params": asdict(params)}


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor as it is stored: floats in `dtype` unless they exceed it."""
    if tensor.is_floating_point() and tensor.numel() and tensor.abs().max() <= torch.finfo(dtype).max:
        return tensor.to(dtype)
    return tensor
