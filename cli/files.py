"""The media files that a command line names: files, folders, patterns, a list in a file or on stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..core.errors import InputError

_VIDEO = "3gp avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv"
_PICTURES = "avif bmp gif heic jpeg jpg png tif tiff webp"
MEDIA = frozenset(f".{name}" for name in f"{_VIDEO} {_PICTURES}".split())


def media_files(named: Iterable[str]) -> list[Path]:
    """Every file meant, in the order named.

    A folder stands for the media below it, `@LIST` for the lines of that file, `-` for those of stdin.

    Raises:
        InputError: `no_files` if a folder or pattern holds none; `unreadable` for a list that is no text.
    """
    return [path for name in lines(named) for path in _expand(name)]


def is_url(name: str) -> bool:
    """Whether a name is an address to fetch from."""
    return name.lower().startswith(("http://", "https://"))


def lines(named: Iterable[str]) -> Iterator[str]:
    """The names, with the lines of stdin in place of `-`, and of a file in place of `@` and its name."""
    for name in named:
        if name == "-":
            yield from filter(None, (line.rstrip("\n") for line in sys.stdin))
        elif name.startswith("@") and not Path(name).exists():
            yield from filter(None, _list(Path(name[1:])))
        else:
            yield name


def _list(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8-sig", errors="surrogateescape")
    except (OSError, ValueError) as error:
        raise InputError(
            "unreadable", f"The list {path} cannot be read: {error}", "Give text, a name a line."
        ) from error
    return [line.rstrip("\r") for line in text.split("\n")]


def _expand(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in MEDIA and file.is_file())
    elif any(sign in name for sign in "*?[") and not path.exists():
        root = Path(path.anchor) if path.is_absolute() else Path()
        found = sorted(file for file in root.glob(str(path.relative_to(path.anchor))) if file.is_file())
    else:
        return [path]
    if not found:
        raise InputError("no_files", f"{name} holds no video or picture", "Name a file.")
    return found
