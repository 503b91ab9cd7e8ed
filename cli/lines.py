"""A file of answers, one JSON line each, that grows while a batch works: a line is there whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from ..core.atomic import telling
from ..core.errors import InputError, MachineError, UsageError
from ..core.version import VERSION


class Lines:
    """Answers about files. Opened again it knows what is there, so that the batch goes on where it was broken off.

    Every line is written at once and synced before the next file is begun; what a sudden end left of a line is cut off.

    Args:
        path: of the file; made if it is not there.
        options: of the batch, as they stand in each line's `inputs` beside `file`.

    Raises:
        InputError: `bad_lines`: the file holds something else.
        UsageError: `other_options`: it was begun with other options or by another version.
        MachineError: `busy`: another run writes it; `disk_full`, `read_only`, `write_failed`.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self._path, self._options = path, options
        with telling(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._places = self._read()
        except BlockingIOError as error:
            self.close()
            raise MachineError(
                "busy", f"another run is writing {path}", "Wait for it, or take another file."
            ) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, file: str) -> bool:
        return file in self._places

    def __len__(self) -> int:
        return len(self._places)

    def of(self, file: str) -> dict[str, Any]:
        """The answer about a file."""
        place, length = self._places[file]
        return json.loads(os.pread(self._file, length, place))

    def add(self, answer: dict[str, Any]) -> None:
        """One more line; it is on the disk when this returns."""
        line = json.dumps(answer, default=str).encode() + b"\n"  # ASCII: names of files need not be UTF-8
        end = os.lseek(self._file, 0, os.SEEK_END)
        with telling(self._path):
            try:
                written = os.write(self._file, line)
                while written < len(line):
                    written += os.write(self._file, line[written:])
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, end)
                raise
        self._places[answer["inputs"]["file"]] = end, len(line)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self) -> dict[str, tuple[int, int]]:
        """File → place and length of its line; the file ends after the last whole line."""
        places: dict[str, tuple[int, int]] = {}
        place = 0
        with open(self._file, "rb", closefd=False) as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    if not b'{"'.startswith(line[:2]):
                        raise self._strange()
                    os.ftruncate(self._file, place)
                    break
                places[self._file_of(line)] = place, len(line)
                place += len(line)
        return places

    def _file_of(self, line: bytes) -> str:
        try:
            answer = json.loads(line)
            said, version = dict(answer["inputs"]), answer["version"]
            file = said.pop("file")
        except (ValueError, KeyError, TypeError) as error:
            raise self._strange() from error
        if said != self._options or version != VERSION:
            before = " ".join(f"{name}={value}" for name, value in said.items()) or "no options"
            message = f"{self._path} was begun by version {version} with {before}"
            raise UsageError("other_options", message, "Ask for the same again, or take another file.")
        return file

    def _strange(self) -> InputError:
        return InputError("bad_lines", f"{self._path} holds something else than answers", "Take another file.")
