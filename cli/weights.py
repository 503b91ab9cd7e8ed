"""`facewright weights`: what the weights are, whether they are intact, and how others become ours."""

from __future__ import annotations

from pathlib import Path

import click

from ..core import weights as store
from ..core.errors import AssetError, UsageError
from .progress import progress
from .session import Answer, Session
from .verb import Verb

DETECTOR = "detector:"
EXAMPLE = """
facewright weights
facewright weights check
facewright weights path meshwarp
facewright weights import anitalker ./anitalker_ckpts
facewright weights import detector:xception ./xception_best.pth
facewright weights add mine runs/001
"""


@click.command(cls=Verb, example=EXAMPLE)
@click.argument("action", type=click.Choice(["list", "check", "path", "import", "add"]), default="list")
@click.argument("name", required=False)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.pass_context
def weights(ctx: click.Context, action: str, name: str | None, folder: Path | None) -> Answer:
    """List, check, locate, import or add weights.

    `list` shows each record, `check` compares every file with its SHA-256, `path` says where the files lie. `import`
    takes the name of a method and the FOLDER where its authors' official checkpoints lie, and makes weights of them; or
    detector:NAME and the file of a published detector.
    `add` takes a new name and the FOLDER of a training run; methods use them with `--weights NAME`.
    """
    if action == "import":
        return _import(ctx.ensure_object(Session), name, folder)
    if action == "add":
        return _add(name, folder)
    if folder is not None:
        raise UsageError("usage", f"weights {action} takes no folder", "Only weights import and weights add take one.")
    chosen = (store.record(name),) if name else store.records()
    if action == "path":
        paths = {record.name: [str(file.path) for file in record.files] for record in chosen}
        return Answer({"paths": paths}, "\n".join(path for files in paths.values() for path in files))
    if action == "check":
        return _check(chosen)
    records = [record.to_dict() for record in chosen]
    return Answer({"records": records}, "\n\n".join(_text(record) for record in chosen))


def _import(session: Session, name: str | None, folder: Path | None) -> Answer:
    if name is None or folder is None:
        example = "For example: facewright weights import anitalker ./anitalker_ckpts"
        raise UsageError("usage", "weights import takes a method and a folder", example)
    if name.startswith(DETECTOR):
        from ..detect.importing import import_detector

        kept = import_detector(name.removeprefix(DETECTOR), folder)
        text = f"{_text(kept)}\n  imported to {kept.files[0].path.parent}"
        return Answer({"records": [kept.to_dict()]}, text)
    from ..generate.importing.official import import_weights

    with progress(session) as report:
        made = import_weights(name, folder, progress=report)
    text = "\n\n".join(f"{_text(record)}\n  imported to {record.files[0].path.parent}" for record in made)
    return Answer({"records": [record.to_dict() for record in made]}, text)


def _add(name: str | None, folder: Path | None) -> Answer:
    if name is None or folder is None:
        raise UsageError(
            "usage", "weights add takes a name and a folder", "For example: facewright weights add mine runs/001"
        )
    from ..generate.importing.trained import add_weights

    made = add_weights(name, folder)
    return Answer({"records": [made.to_dict()]}, f"{_text(made)}\n  added to {made.files[0].path.parent}")


def _check(chosen: tuple[store.WeightRecord, ...]) -> Answer:
    faults = {record.name: fault for record in chosen if (fault := _fault(record))}
    checked = [{"name": record.name, "intact": record.name not in faults} for record in chosen]
    lines = [f"{record.name}: {faults.get(record.name) or 'intact'}" for record in chosen]
    error = next(iter(faults.values()), None)
    code = error.exit_code if error else 0
    return Answer({"checked": checked}, "\n".join(lines), code, error=error.to_dict() if error else None)


def _fault(record: store.WeightRecord) -> AssetError | None:
    try:
        store.check(record)
    except AssetError as error:
        return error
    return None


def _text(record: store.WeightRecord) -> str:
    licences = " · ".join(f"{part} {terms}" for part, terms in record.licences.items())
    metrics = "; ".join(f"{name} {value}" for name, value in record.metrics.items())
    return (
        f"{record.name}: {record.architecture}\n"
        + "".join(f"  {file.name}  {file.bytes / 1e6:.1f} MB  sha256 {file.sha256}\n" for file in record.files)
        + f"  licences  {licences}\n  trained on {len(record.data)} sources\n  metrics   {metrics or 'none'}"
    )
