"""Methods that make video of faces. Every frame that leaves is marked."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clip import Clip
    from .drive import DialogueDrive, Drive, LipSyncDrive, RendersDrive, SpeechDrive, VideoDrive
    from .replaying import replay
    from .talker import Talker, load

_HOME = {
    "Clip": "clip",
    "DialogueDrive": "drive",
    "Drive": "drive",
    "LipSyncDrive": "drive",
    "RendersDrive": "drive",
    "SpeechDrive": "drive",
    "VideoDrive": "drive",
    "Talker": "talker",
    "load": "talker",
    "replay": "replaying",
}
__all__ = [
    "Clip",
    "DialogueDrive",
    "Drive",
    "LipSyncDrive",
    "RendersDrive",
    "SpeechDrive",
    "Talker",
    "VideoDrive",
    "load",
    "replay",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(name)
