"""Tensors and what belongs to them, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import writing
from ..errors import AssetError


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any] | None = None) -> None:
    """A safetensors file; `facts` are JSON values in its header."""
    seen: set[int] = set()
    whole = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        if tensor.untyped_storage().nbytes() != tensor.nbytes or tensor.data_ptr() in seen:
            tensor = tensor.clone()  # views and shared weights, which the format does not know
        seen.add(tensor.data_ptr())
        whole[name] = tensor
    with writing(path) as part:
        save_file(whole, part, {"facts": json.dumps(facts)} if facts is not None else None)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What `write_tensors` wrote; None if there is no file.

    Raises:
        AssetError: `bad_run` if it is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as stored:
            facts = json.loads(stored.metadata()["facts"])
            return {name: stored.get_tensor(name) for name in stored.keys()}, facts  # noqa: SIM118 – not a mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise AssetError("bad_run", f"{path} is damaged: {error}", "Take another --out.") from error
