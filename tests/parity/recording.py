"""Which networks were recorded, and what passes through one of ours, by label."""

from __future__ import annotations

from torch import Tensor, nn

from .fixture import folders


def recorded(pattern: str) -> list[str]:
    """Names of the fixtures that fit a pattern, in every folder where some lie."""
    return sorted({path.stem for folder in folders() for path in folder.glob(f"{pattern}.json")})


def record(module: nn.Module, label: str, into: dict[str, Tensor]) -> None:
    """Keep the first output of `module` under `label`."""

    def keep(_: nn.Module, __: tuple, found: Tensor) -> None:  # a hook that returned something would change the output
        into.setdefault(label, found)

    module.register_forward_hook(keep)
