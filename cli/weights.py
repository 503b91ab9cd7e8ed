"""`facewright weights`: what the shipped weights are, and whether they are intact."""

from __future__ import annotations

import click

from ..core import weights as store
from ..core.errors import AssetError
from .session import Answer
from .verb import Verb


@click.command(cls=Verb, example="facewright weights\nfacewright weights check\nfacewright weights path meshwarp")
@click.argument("action", type=click.Choice(["list", "check", "path"]), default="list")
@click.argument("name", required=False)
def weights(action: str, name: str | None) -> Answer:
    """List, check or locate the weights.

    `list` shows each record, `check` compares every file with its SHA-256, `path` says where the files lie.
    """
    chosen = (store.record(name),) if name else store.records()
    if action == "path":
        paths = {record.name: [str(file.path) for file in record.files] for record in chosen}
        return Answer({"paths": paths}, "\n".join(path for files in paths.values() for path in files))
    if action == "check":
        return _check(chosen)
    records = [record.to_dict() for record in chosen]
    return Answer({"records": records}, "\n\n".join(_text(record) for record in chosen))


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
