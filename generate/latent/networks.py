"""Networks of a method from the files of a weight record."""

from __future__ import annotations

from torch import nn

from ...core.errors import AssetError, UsageError
from ...core.weights import WeightRecord, check, records
from ..nets import stored

AUTOENCODER, MOTION = "stage1", "stage2"  # stems of the files


def load_network(kind: type[stored.Net], record: WeightRecord, stem: str) -> stored.Net:
    """One network of a record, in float32, without gradients.

    Args:
        stem: of the file's name, or its beginning where no other begins so.

    Raises:
        AssetError: "weights_missing", "bad_weights".
        UsageError: "unknown_weights" if several files begin so.
    """
    found = {file.path.stem: file.path for file in record.files if file.path.stem.startswith(stem)}
    if not found:
        raise AssetError("weights_missing", f"the weights {record.name} hold no {stem}", "Train or import them.")
    if stem not in found and len(found) > 1:
        names = ", ".join(f"{record.name}:{each}" for each in sorted(found))
        raise UsageError("unknown_weights", f"{record.name} holds several networks {stem}", f"Choose one of: {names}.")
    network: nn.Module = stored.load(kind, found.get(stem) or next(iter(found.values())))
    return network.requires_grad_(False)  # type: ignore[return-value]


def installed(method: str, name: str) -> WeightRecord:
    """The weights `name` of a method, checked against their record.

    Raises:
        AssetError: `weights_missing`, `hash_mismatch`.
    """
    known = {held.name: held for held in records()}
    if name not in known:
        hint = f"Import some (facewright weights import {method} DIR), or train them; name them with --weights."
        raise AssetError("weights_missing", f"there are no weights {name!r} of {method} here", hint)
    check(known[name])
    return known[name]
