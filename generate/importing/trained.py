"""`facewright weights add`: what a training run made, as weights that a method can be told to use."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ...core import weights
from ...core.atomic import telling, write_json
from ...core.errors import AssetError, UsageError
from ...core.imported import replacing

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def add_weights(name: str, run: Path) -> weights.WeightRecord:
    """Copy the weights of all finished stages of a run to `FACEWRIGHT_HOME/weights/NAME`, in place of earlier ones.

    Args:
        name: of the new weights.
        run: the `--out` of the training, or a folder with a `record.json`.

    Raises:
        UsageError: `bad_name`.
        AssetError: `weights_missing` if nothing was finished there; `bad_record`, `hash_mismatch`.
        MachineError: `disk_full`, `read_only`, `write_failed`.
    """
    if not NAME.fullmatch(name) or name in {record.name for record in weights.shipped()}:
        hint = "Take small letters, digits, - and _; not the name of weights that ship."
        raise UsageError("bad_name", f"weights cannot be called {name!r}", hint)
    paths = [path for path in (run / "record.json", *sorted(run.glob("stage-*/weights/record.json"))) if path.is_file()]
    if not paths:
        raise AssetError("weights_missing", f"{run} holds no finished weights", "Finish a stage of training first.")
    parts = [weights.read_record(path) for path in paths]
    for part in parts:
        weights.check(part)
    with replacing(name) as target:
        with telling(target):
            for file in (file for part in parts for file in part.files):
                shutil.copyfile(file.path, target / file.name)
        last = parts[-1].to_dict()
        merged = {
            "name": name,
            "architecture": "; ".join(part.architecture for part in parts),
            "files": list({file["file"]: file for part in parts for file in part.to_dict()["files"]}.values()),
            "data": list(dict.fromkeys(line for part in parts for line in part.data)),
            "made": {
                path.parent.parent.name or "run": dict(part.made) for path, part in zip(paths, parts, strict=True)
            },
            "metrics": {key: value for part in parts for key, value in part.metrics.items()},
        }
        write_json(target / "record.json", last | merged)
    return weights.record(name)
