"""Watermark, manifest, keys, store, the seal and its verification.

`seal` is the one writer of generated video; `verify` says what a file's signature, its watermark and the manifest store
tell about it. Names are imported on first use, so that `import facewright.provenance` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .keys import Signer, default_signer
    from .record import Draft, Ingredient, Record, new_record_id
    from .sealing import Sealed, seal
    from .store import Store
    from .target import check_target
    from .verification import Verification, verify
    from .watermark import MarkReading, VideoMarker, read_mark
    from .watermark.sound import SoundMarker, read_sound_mark

_MODULES = {
    "keys": ("Signer", "default_signer"),
    "record": ("Draft", "Ingredient", "Record", "new_record_id"),
    "sealing": ("Sealed", "seal"),
    "store": ("Store",),
    "target": ("check_target",),
    "verification": ("Verification", "verify"),
    "watermark": ("MarkReading", "VideoMarker", "read_mark"),
    "watermark.sound": ("SoundMarker", "read_sound_mark"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # noqa: RUF022  (one line a module)
    "Signer", "default_signer",
    "Draft", "Ingredient", "Record", "new_record_id",
    "Sealed", "seal",
    "Store",
    "check_target",
    "Verification", "verify",
    "MarkReading", "VideoMarker", "read_mark",
    "SoundMarker", "read_sound_mark",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
