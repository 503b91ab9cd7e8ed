"""Official checkpoints under our names: strict, so that a file which is not what it claims to be is refused.

A `Table` rewrites official keys by substitutions, one after the other; it names the tensors that have no influence, and
those that are constants of the architecture, whose values must be the ones we build in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core.errors import AssetError

HINT = "Use the official file this method names, whole and unchanged."


@dataclass(frozen=True)
class Table:
    """How official keys become ours.

    Attributes:
        substitutions: (pattern, replacement) for `re.sub`, applied to every key in this order.
        unused: patterns of official tensors that influence nothing.
        constants: (pattern, value) of tensors that must have one value; the first pattern found holds.
    """

    substitutions: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
    unused: tuple[str, ...] = ()
    constants: tuple[tuple[str, Tensor], ...] = ()

    def rename(self, key: str) -> str:
        for pattern, replacement in self.substitutions:
            key = re.sub(pattern, replacement, key)
        return key

    def convert(self, official: Mapping[str, Tensor], ours: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
        """The tensors of an official checkpoint, ready for a strict `load_state_dict`.

        Args:
            official: official key → tensor; shapes may differ from ours in dimensions of length 1.
            ours: `state_dict()` of the network they are for.
            name: what to call the checkpoint in messages.

        Raises:
            AssetError: `bad_checkpoint`, naming the first keys that are missing, unexpected, mis-shaped, not finite, or
                constants of another value.
        """
        found: dict[str, Tensor] = {}
        wrong: list[str] = []
        for key, value in official.items():
            constant = next((value for pattern, value in self.constants if re.search(pattern, key)), None)
            if constant is not None:
                if value.shape != constant.shape or not torch.allclose(value.float(), constant, atol=1e-6):
                    wrong.append(f"{key} is not the constant it should be")
            elif not any(re.search(pattern, key) for pattern in self.unused):
                renamed = self.rename(key)
                if renamed in found or renamed not in ours:
                    wrong.append(f"{key} is unexpected")
                elif _core(value) != _core(ours[renamed]):
                    wrong.append(f"{key} has shape {tuple(value.shape)}, not {tuple(ours[renamed].shape)}")
                elif not torch.isfinite(value).all():
                    wrong.append(f"{key} is not finite")
                else:
                    found[renamed] = value.detach().reshape(ours[renamed].shape).to(ours[renamed].dtype)
        wrong = wrong or [f"nothing for {key}" for key in ours if key not in found]
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise AssetError("bad_checkpoint", f"{name} does not fit: {'; '.join(wrong[:3])}{more}", HINT)
        return found


def _core(tensor: Tensor) -> list[int]:
    return [length for length in tensor.shape if length != 1]
