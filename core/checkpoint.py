"""Opening a checkpoint that a stranger may have made: safetensors, which hold nothing but tensors, or PyTorch's own.

PyTorch's is a zip archive with a pickle and raw tensors, and a pickle can run code. Here the archive is judged first
(nothing compressed, nothing larger than the file, every checksum right), then the pickle's instructions are read
without following them, and only then `torch.load` follows them, with `weights_only` as a second lock.
"""

from __future__ import annotations

import argparse
import json
import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .errors import AssetError

HINT = "Use the official file, whole and unchanged, from the place that its authors name."
LARGEST_PICKLE = 16 << 20  # bytes; tensors lie outside it, and the largest official one has a tenth of a megabyte
MOST_ENTRIES = 100_000
_CALLED = re.compile(
    r"collections OrderedDict|argparse Namespace|torch\._utils _rebuild_(tensor_v2|parameter)"
    r"|torch (Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage"
)
_HIDING = {
    "STACK_GLOBAL",
    "INST",
    "EXT1",
    "EXT2",
    "EXT4",
    "PERSID",
}  # name what they call in a way nobody can read ahead


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """What a checkpoint holds: a dictionary, its tensors on the CPU and backed by the file.

    Raises:
        AssetError: `weights_missing`; `bad_checkpoint` if it is damaged or something else; `unsafe_checkpoint` if it
            names code, or claims to be larger than it is.
    """
    if not path.is_file():
        raise AssetError("weights_missing", f"{path} is not there", HINT)
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _judge(archive, path)
            _read_ahead(_pickled(archive, path), path)
            if (broken := archive.testzip()) is not None:
                raise AssetError("bad_checkpoint", f"{path.name} is damaged at {broken}", HINT)
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except AssetError:
        raise
    except (zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise AssetError("bad_checkpoint", f"{path.name} is damaged, or no checkpoint: {error}", HINT) from error
    except Exception as error:  # a broken pickle can fail in any way
        raise AssetError("bad_checkpoint", f"{path.name} cannot be read: {error!r}", HINT) from error
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        raise AssetError("bad_checkpoint", f"{path.name} holds no named tensors", HINT)
    for name, tensor in _tensors(content):
        if tensor.layout != torch.strided or not tensor.is_contiguous():
            raise AssetError("unsafe_checkpoint", f"{name} in {path.name} is larger than what is stored of it", HINT)
    return content


def named_tensors(content: Any, name: str) -> dict[str, Tensor]:
    """The tensors of a state dict, which may hold nothing else.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(each, Tensor) for each in content.values())
    ):
        raise AssetError("bad_checkpoint", f"{name} holds no plain list of tensors", HINT)
    return dict(content)


def read_config(path: Path) -> dict[str, Any]:
    """The options in a JSON file beside a checkpoint.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AssetError("bad_checkpoint", f"{path} cannot be read: {error}", HINT) from error
    if not isinstance(config, dict):
        raise AssetError("bad_checkpoint", f"{path} is no configuration", HINT)
    return config


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise AssetError("bad_checkpoint", f"{path.name} is damaged, or no safetensors: {error}", HINT) from error


def _judge(archive: zipfile.ZipFile, path: Path) -> None:
    entries, length = archive.infolist(), path.stat().st_size
    packed = any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries)
    if packed or len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > length:
        raise AssetError("unsafe_checkpoint", f"{path.name} would unpack to more than it is", HINT)


def _pickled(archive: zipfile.ZipFile, path: Path) -> bytes:
    pickles = [entry for entry in archive.infolist() if entry.filename.endswith(".pkl")]
    if len(pickles) != 1 or not re.fullmatch(r"[^/]+/data\.pkl", pickles[0].filename):
        raise AssetError("bad_checkpoint", f"{path.name} is no PyTorch checkpoint", HINT)
    if pickles[0].file_size > LARGEST_PICKLE:
        raise AssetError("unsafe_checkpoint", f"{path.name} describes more than any checkpoint would", HINT)
    return archive.read(pickles[0])


def _read_ahead(pickled: bytes, path: Path) -> None:
    """Look at everything that the pickle would call, and call nothing."""
    for instruction, argument, _ in pickletools.genops(pickled):
        called = instruction.name == "GLOBAL" and not _CALLED.fullmatch(str(argument))
        if called or instruction.name in _HIDING:
            what = str(argument).replace(" ", ".") if called else "something under a hidden name"
            raise AssetError("unsafe_checkpoint", f"{path.name} would run {what}; it was not opened", HINT)


def _tensors(content: Any, name: str = "a tensor") -> Iterator[tuple[str, Tensor]]:
    waiting, seen = [(name, content)], set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:  # a pickle may hold itself
            seen.add(id(value))
            inner = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting.extend((str(key), each) for key, each in inner)
