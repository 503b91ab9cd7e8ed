"""Files of a run: each is written beside its place, synced and renamed; one whole version always stands there."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import AssetError, MachineError


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; takes its place at the end of the block, or goes if the block fails.

    Raises:
        MachineError: `disk_full`, `read_only`, `write_failed`; what stood at `path` is untouched.
    """
    part = path.with_name(path.name + ".part")
    try:
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
    except (OSError, SafetensorError) as error:
        raise failed(path, error) from error


def failed(path: Path, error: Exception) -> MachineError:
    """The error that people meet when `path` cannot be written."""
    said = re.search(r"os error (\d+)", str(error))  # of the safetensors writer
    number = error.errno if isinstance(error, OSError) else int(said[1]) if said else None
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "Make room and run the same command again; it goes on from the last checkpoint."
        return MachineError("disk_full", f"there is no room for {path}", hint)
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return MachineError("read_only", f"{path} cannot be written: {error}", "Choose a folder that you may write to.")
    return MachineError("write_failed", f"{path} cannot be written: {error}", "Run the same command again.")


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


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any] | None = None) -> None:
    """A safetensors file; `facts` are JSON values in its header."""
    seen: set[int] = set()
    whole = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        if tensor.untyped_storage().nbytes() != tensor.nbytes or tensor.data_ptr() in seen:
            tensor = tensor.clone()  # views and shared weights, which the format does not know
        seen.add(tensor.data_ptr())
        whole[name] = tensor
    with writing(path) as part:
        save_file(whole, part, {"facts": json.dumps(facts)} if facts is not None else None)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What `write_tensors` wrote; None if there is no file.

    Raises:
        AssetError: `bad_run` if it is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as stored:
            facts = json.loads(stored.metadata()["facts"])
            return {name: stored.get_tensor(name) for name in stored.keys()}, facts  # noqa: SIM118 – not a mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise AssetError("bad_run", f"{path} is damaged: {error}", "Take another --out.") from error
