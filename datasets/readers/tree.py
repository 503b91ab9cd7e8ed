"""A public set as it lies on somebody's disk: files found by pattern, lists read leniently, the odd put aside."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from ...core.errors import InputError

VIDEOS = ("mp4", "avi", "mov", "mkv", "webm", "flv", "mpg", "mpeg", "m4v")
PICTURES = ("png", "jpg", "jpeg", "webp", "bmp")
PACKED = (".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".001")
_POINTER = b"version https://git-lfs"  # what git keeps in place of a large file
_POINTER_BYTES = 1024


@dataclass(frozen=True)
class Skipped:
    """A file, or a line of a list, that became no clip, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Clip:
    """A file that a pattern fits, or a folder of frames.

    Attributes:
        path: from the root, with `/`.
        parts: named groups of the pattern, "" where one took no part; as they are written on disk.
    """

    path: str
    parts: dict[str, str]

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.path).stem

    def __getitem__(self, part: str) -> str:
        return self.parts[part]


class Tree:
    """The files below `root`, seen once.

    Patterns are regular expressions over the last folders of a path and its name, whatever case they are written in, so
    a set may lie any number of folders deep. What no pattern takes is told by `left_over`.

    Attributes:
        root: the folder.
        skipped: what was put aside so far.
        notes: what the user should know of the set as a whole.

    Raises:
        InputError: "unreadable" if the root is no folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: list[Skipped] = []
        self.notes: list[str] = []
        self._taken: set[str] = set()
        if not root.is_dir():
            raise InputError("unreadable", f"{root} is no folder", "Name the folder that the set was unpacked into.")

    @cached_property
    def files(self) -> list[str]:
        """Paths of all files, in order; names that could mislead whoever reads the index are put aside."""
        found: list[str] = []
        for folder, inside, names in os.walk(self.root):
            links = sorted(name for name in inside if Path(folder, name).is_symlink())
            for name in links:
                self.skip(str(Path(folder, name).relative_to(self.root)), "a link to a folder: not followed")
            inside[:] = sorted(name for name in inside if name not in links and not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                path = Path(folder, name)
                relative = path.relative_to(self.root).as_posix()
                if reason := self._hostile(path, relative):
                    self.skip(relative, reason)
                else:
                    found.append(relative)
        return found

    def _hostile(self, path: Path, relative: str) -> str:
        if not relative.isprintable():  # control characters, line ends, bytes that are no UTF-8
            return "its name holds characters that cannot be printed"
        if "\\" in relative:
            return "its name holds a backslash: unpacked by a program that took folders for parts of names"
        if path.is_symlink() and not path.resolve().is_relative_to(self.root.resolve()):
            return "a link that leads out of the folder"
        return ""

    def match(self, pattern: str, kinds: Iterable[str] = VIDEOS) -> Iterator[Clip]:
        """Usable files whose path ends as `pattern` says, without its suffix, which is one of `kinds`."""
        wanted = re.compile(rf"(?:.*/)?{pattern}\.(?:{'|'.join(kinds)})", re.IGNORECASE)
        for path in self.files:
            if path not in self._taken and (found := wanted.fullmatch(path)):
                self._taken.add(path)
                if reason := self._unusable(path):
                    self.skip(path, reason)
                else:
                    yield Clip(path, {key: part or "" for key, part in found.groupdict().items()})

    def frames(self, pattern: str) -> Iterator[Clip]:
        """Folders of pictures whose path ends as `pattern` says; their pictures are taken."""
        wanted = re.compile(rf"(?:.*/)?{pattern}", re.IGNORECASE)
        pictures = tuple(f".{kind}" for kind in PICTURES)
        inside = (path for path in self.files if path.lower().endswith(pictures) and path not in self._taken)
        for folder, members in groupby(inside, lambda path: path.rpartition("/")[0]):
            if found := wanted.fullmatch(folder):
                paths = list(members)
                self._taken.update(paths)
                if any(self._unusable(path) for path in paths):
                    self.skip(folder, "some of its pictures are empty, unreadable or not fetched")
                else:
                    yield Clip(folder, {key: part or "" for key, part in found.groupdict().items()})

    def ignore(self, pattern: str) -> None:
        """Leave files out without a word: masks, sound on its own, and what else is no clip by design."""
        wanted = re.compile(rf"(?:.*/)?{pattern}", re.IGNORECASE)
        self._taken.update(path for path in self.files if wanted.fullmatch(path))

    def skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(_printable(path), reason))

    def left_over(self) -> None:
        """Put aside every video and archive that no pattern took."""
        for path in self.files:
            suffix = PurePosixPath(path).suffix.lower()
            if path in self._taken:
                continue
            if suffix in PACKED:
                self.skip(path, "not unpacked")
            elif suffix[1:] in VIDEOS:
                self.skip(path, "fits no place of the layout")

    def _unusable(self, path: str) -> str:
        file = self.root / path
        try:
            size = file.stat().st_size
            if not size:
                return "empty"
            if size < _POINTER_BYTES and file.read_bytes().startswith(_POINTER):
                return "a pointer of git LFS: the file itself was not fetched (git lfs pull)"
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        return ""

    def lists(self, pattern: str) -> list[str]:
        """Paths of files, of any kind, whose path ends as `pattern` says."""
        wanted = re.compile(rf"(?:.*/)?{pattern}", re.IGNORECASE)
        return [path for path in self.files if wanted.fullmatch(path)]

    def text(self, path: str) -> str:
        """A list, without the mark some editors put in front.

        Raises:
            InputError: "bad_corpus" if it cannot be read, or was not fetched.
        """
        if reason := self._unusable(path):
            raise bad(self.root / path, reason)
        data = (self.root / path).read_bytes()
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise bad(self.root / path, f"not UTF-8 ({error.reason} at byte {error.start})") from error

    def lines(self, path: str) -> list[str]:
        """Lines that are not empty, trimmed, with `/` between folders."""
        return [line.strip().replace("\\", "/") for line in self.text(path).splitlines() if line.strip()]

    def json(self, path: str, kind: type = dict) -> Any:
        """Raises: InputError "bad_corpus" if it is damaged or holds something else than a `kind`."""
        try:
            content = json.loads(self.text(path))
        except (ValueError, RecursionError) as error:
            raise bad(self.root / path, f"not JSON ({error})") from error
        if not isinstance(content, kind):
            raise bad(self.root / path, f"holds no {'object' if kind is dict else 'list'}")
        return content

    def table(self, path: str, columns: Iterable[str]) -> list[dict[str, str]]:
        """Rows of a CSV file by column, those it has beyond `columns` too; names of columns in small letters."""
        try:
            first, *rows = csv.reader(self.text(path).splitlines() or [""])
        except csv.Error as error:
            raise bad(self.root / path, f"not CSV ({error})") from error
        names = [name.strip().lower() for name in first]
        if missing := [name for name in columns if name not in names]:
            raise bad(self.root / path, f"has no column {missing[0]!r}")
        return [dict(zip(names, (cell.strip() for cell in row), strict=False)) for row in rows if any(row)]


def bad(path: Path, reason: str) -> InputError:
    return InputError("bad_corpus", f"{path}: {reason}", "Fetch this file of the set again.")


def _printable(path: str) -> str:
    """A path, or a line of a list, that may be no UTF-8, break a line or speak to the terminal."""
    text = path.encode("utf-8", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
