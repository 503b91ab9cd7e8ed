"""Files written beside their place, synced and renamed: at any moment one whole version stands there."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import AssetError, MachineError


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; takes its place at the end of the block, or goes if the block fails.

    Raises:
        MachineError: `disk_full`, `read_only`, `write_failed`; what stood at `path` is untouched.
    """
    part = path.with_name(path.name + ".part")
    with telling(path):
        try:
            yield part
            part.chmod(0o644)
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Failures to write `path` become errors that people can act on.

    Raises:
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        said = re.search(r"os error (\d+)", str(error))  # of the safetensors writer
        number = error.errno if isinstance(error, OSError) else int(said[1]) if said else None
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint = "Make room and run the same command again."
            raise MachineError("disk_full", f"there is no room for {path}", hint) from error
        message = f"{path} cannot be written: {error}"
        if number in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise MachineError("read_only", message, "Choose a folder that you may write to.") from error
        raise MachineError("write_failed", message, "Run the same command again.") from error


def write_json(path: Path, content: Any) -> None:
    """One JSON document, indented."""
    with writing(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path) -> Any:
    """What `write_json` wrote; None if there is no file.

    Raises:
        AssetError: `bad_run` if it is damaged.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AssetError("bad_run", f"{path} is damaged: {error}", "Take another --out.") from error
