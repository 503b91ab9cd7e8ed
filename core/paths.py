"""Where facewright keeps things: one function per folder, each named by a variable."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Keys, the manifest store and the user's config: `FACEWRIGHT_HOME`, else `$XDG_CONFIG_HOME/facewright`."""
    if named := os.environ.get("FACEWRIGHT_HOME"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "facewright"


def cache() -> Path:
    """What may be deleted at any time: `FACEWRIGHT_CACHE`, else `$XDG_CACHE_HOME/facewright`."""
    if named := os.environ.get("FACEWRIGHT_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "facewright"
