"""Settings from TOML files: which value holds, and which file it came from.

fps = 30                # every command that has the option
[generate]
head-motion = 0.6       # one command
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UsageError
from .paths import home

PROJECT_FILE = "facewright.toml"
USER_FILE = "config.toml"


@dataclass(frozen=True)
class Setting:
    """A value and the file that gave it."""

    value: Any
    source: Path


def files(named: Path | None = None) -> list[Path]:
    """Setting files that exist, strongest first: the one named, `./facewright.toml`, the user's `config.toml`.

    Raises:
        UsageError: `no_config` if the named file is not there.
    """
    if named is not None and not named.is_file():
        raise UsageError("no_config", f"there is no settings file {named}", "Check --config and FACEWRIGHT_CONFIG.")
    candidates = ([named] if named else []) + [Path(PROJECT_FILE), home() / USER_FILE]
    return [path for path in candidates if path.is_file()]


def settings(command: str, known: Mapping[str, Iterable[str]], named: Path | None = None) -> dict[str, Setting]:
    """What the files say about the options of `command`.

    Args:
        command: as typed ("generate"), several words with underscores ("datasets_synthesize").
        known: command → its option names, both with underscores.
        named: file of `--config`.

    Raises:
        UsageError: `no_config`, `bad_config` (not TOML), `unknown_key` (with the nearest name).
    """
    merged: dict[str, Setting] = {}
    for path in reversed(files(named)):  # stronger files overwrite
        merged |= _from_file(path, command, {name: set(options) for name, options in known.items()})
    return merged


def _from_file(path: Path, command: str, known: Mapping[str, set[str]]) -> dict[str, Setting]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("bad_config", f"{path} cannot be read: {error}", "It must be TOML in UTF-8.") from error
    shared = set().union(*known.values())
    common: dict[str, Setting] = {}
    own: dict[str, Setting] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            table = _known(path, "no command is called", key, known)
            entries = {_known(path, f"[{key}]: no option is called", name, known[table]): value[name] for name in value}
            if table == command:
                own = {name: Setting(entry, path) for name, entry in entries.items()}
        elif (name := _known(path, "no option is called", key, shared)) in known.get(command, ()):
            common[name] = Setting(value, path)
    return common | own


def _known(path: Path, complaint: str, key: str, names: Iterable[str]) -> str:
    name = key.replace("-", "_")
    if name in (names := set(names)):
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0].replace('_', '-')}?" if near else "See: facewright config show."
    raise UsageError("unknown_key", f"{path}: {complaint} {key!r}", hint)
