"""`--events FILE`: one JSON object a line for programs that follow a run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import IO, Any

from ..core.errors import UsageError


class Events:
    """A sink of events; without a path it takes them and drops them."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._stream: IO[str] | None = None
        self._began = time.monotonic()

    def open(self) -> None:
        """Write to `path`, if there is one, from now on.

        Raises:
            UsageError: `usage` if it cannot be written.
        """
        if self.path is None:
            return
        try:
            self._stream = self.path.open("w", encoding="utf-8")
        except OSError as error:
            raise UsageError("usage", f"--events {self.path} cannot be written: {error.strerror}") from error

    def write(self, event: str, **fields: Any) -> None:
        """Add one line: `{"event": …, "t": seconds since the start, …}`."""
        if self._stream is not None:
            line = {"event": event, "t": round(time.monotonic() - self._began, 3), **fields}
            self._stream.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            self._stream.flush()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
