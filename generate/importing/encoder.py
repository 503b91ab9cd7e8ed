"""The speech encoder that lies beside official weights, as transformers stores it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from ...core.atomic import telling
from ...core.checkpoint import HINT, named_tensors, read_checkpoint, read_config
from ...core.errors import AssetError
from ...core.imported import sha256, write_record
from ..nets.audio import KINDS
from ..nets.encoders import SpeechEncoder

CONFIG, EXTRACTOR, WEIGHTS, PICKLED = (
    "config.json",
    "preprocessor_config.json",
    "model.safetensors",
    "pytorch_model.bin",
)
DEEPEST, LARGEST, MOST = 24, 4096, 500  # layers, any size, and sizes in a config: they bound the memory it asks for


def encoders(folder: Path) -> Iterator[tuple[str, Path]]:
    """(kind, folder) of every wav2vec2 or HuBERT encoder in a folder of `folder`."""
    for config in sorted(folder.glob(f"*/{CONFIG}")):
        kind = read_config(config).get("model_type")
        if kind in ("hubert", "wav2vec2"):
            yield kind, config.parent


def import_encoder(source: Path, target: Path, *, kind: str, name: str, made: Mapping[str, Any]) -> None:
    """Copy an encoder, its weights as safetensors, and write its record; it is loaded once to see that it is whole.

    Raises:
        AssetError: `weights_missing`, `bad_checkpoint`, `unsafe_checkpoint`, `bad_weights`.
    """
    config = read_config(source / CONFIG)
    sizes = [each for value in config.values() for each in (value if isinstance(value, list) else [value])]
    if config.get("hidden_size") != KINDS[kind].channels or config.get("num_hidden_layers") not in range(
        1, DEEPEST + 1
    ):
        raise AssetError("bad_checkpoint", f"{source.name}/{CONFIG} is not of a {kind} that a method uses", HINT)
    if len(sizes) > MOST or any(isinstance(each, int) and each > LARGEST for each in sizes):
        raise AssetError("unsafe_checkpoint", f"{source.name}/{CONFIG} asks for more than any encoder would", HINT)
    files = [file for file in (CONFIG, EXTRACTOR) if (source / file).is_file()]
    origin = source / (WEIGHTS if (source / WEIGHTS).is_file() else PICKLED)
    with telling(target):
        for file in files:
            shutil.copyfile(source / file, target / file)
        if origin.name == WEIGHTS:
            shutil.copyfile(origin, target / WEIGHTS)
        else:
            tensors = named_tensors(read_checkpoint(origin), f"{source.name}/{PICKLED}")
            whole = {key: tensor.clone() for key, tensor in tensors.items()}  # the format knows no shared memory
            save_file(whole, target / WEIGHTS, {"format": "pt"})
    SpeechEncoder(target, KINDS[kind])
    write_record(
        target,
        [*files, WEIGHTS],
        name=name,
        architecture=f"{kind} of {config['num_hidden_layers']} layers, {config['hidden_size']} channels",
        licences=dict.fromkeys(("code", "weights", "data"), f"of the authors of {source.name}"),
        data=(f"not said in {source.name}",),
        made={**made, "files": {f"{source.name}/{origin.name}": sha256(origin)}},
    )
