"""`facewright weights import`: the files that a method's authors published, as weights of ours with a record.

A method that has such files says so in `methods/<name>/official.py`, `OFFICIAL`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from torch import nn

from ...core import weights
from ...core.checkpoint import read_checkpoint, read_config
from ...core.errors import AssetError, InputError, UsageError
from ...core.imported import replacing, sha256, write_record
from ...core.progress import Progress, Report, silent
from ...core.version import VERSION
from ..nets import stored
from .encoder import encoders, import_encoder


@dataclass(frozen=True)
class Official:
    """What somebody published.

    Attributes:
        name: of the record to be made.
        source: repository and commit.
        files: patterns of the files' names, or of their paths within the folder.
        hint: where people get them.
        convert: content of a file and its name → the stem of our file, and the network with its weights in it; raises
            AssetError `bad_checkpoint` for anything else. The name is a path within the folder.
        architecture, licences, data: of the record.
        configured: a `config.json` lies beside every file, and `convert` takes its options as a third argument.
    """

    name: str
    source: str
    files: tuple[str, ...]
    hint: str
    convert: Callable[..., tuple[str, nn.Module]]
    architecture: str
    licences: Mapping[str, str]
    data: tuple[str, ...]
    configured: bool = False


METHODS = ("anitalker", "ifmdm", "makeyouranchor", "memo")


def import_weights(method: str, folder: Path, *, progress: Report = silent) -> list[weights.WeightRecord]:
    """Import every official file of `method` in `folder`, and the speech encoder in a folder within it.

    They go to `FACEWRIGHT_HOME/weights/NAME`, in place of an earlier import; after a failure that is as it was before.

    Returns:
        The new records.

    Raises:
        UsageError: `unknown_method`, `no_official_weights`.
        InputError: `data_missing` if there is no such folder.
        AssetError: `weights_missing`, `bad_checkpoint`, `unsafe_checkpoint`.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    official = _official(method)
    if not folder.is_dir():
        raise InputError("data_missing", f"there is no folder {folder}", "Name the folder of the official files.")
    paths = sorted({path for pattern in official.files for path in folder.glob(pattern) if path.is_file()})
    if not paths:
        wanted = " or ".join(official.files)
        raise AssetError("weights_missing", f"{folder} holds no {wanted}", official.hint)
    made = {"source": official.source, "facewright": VERSION}
    with replacing(official.name) as target:
        files, sources = [], {}
        for number, path in enumerate(paths):
            name = path.relative_to(folder).as_posix()
            progress(Progress("import", number, len(paths), "files", name))
            options = (read_config(path.with_name("config.json")),) if official.configured else ()
            stem, net = official.convert(read_checkpoint(path), name, *options)
            if (target / f"{stem}.safetensors").exists():
                raise AssetError("bad_checkpoint", f"{name} is a second {stem} in {folder}", "Leave one of them.")
            stored.save(net, target / f"{stem}.safetensors")
            sources[name] = sha256(path)
            files.append(f"{stem}.safetensors")
        about = {"architecture": official.architecture, "licences": official.licences, "data": official.data}
        write_record(target, files, name=official.name, made=made | {"files": sources}, **about)
    records = [weights.record(official.name)]
    for kind, path in encoders(folder):
        progress(Progress("import", len(paths), len(paths), "files", path.name))
        name = f"{official.name}-{kind}"
        with replacing(name) as target:
            import_encoder(path, target, kind=kind, name=name, made=made)
        records.append(weights.record(name))
    return records


def _official(method: str) -> Official:
    from ..methods import registry

    if method not in METHODS:
        registry.card(method)
        hint = f"There are official files for: {', '.join(METHODS)}."
        raise UsageError("no_official_weights", f"{method} has no official weights to import", hint)
    return import_module(f"..methods.{method}.official", __package__).OFFICIAL
