"""`--batch jobs.csv`: each row is a command line of its own."""

from __future__ import annotations

import csv
import logging
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..core.errors import InputError
from .failures import as_error
from .making import Job, make
from .session import Answer, Session
from .verb import option_names

log = logging.getLogger(__name__)
_OF_THE_BATCH = {"portrait", "speech", "driving", "batch", "out_dir", "keep_going", "output"}  # not of its rows


def make_all(ctx: click.Context, table: Path, *, columns: tuple[str, str], kind: str) -> Answer:
    """Make a clip for each row.

    The table has the columns `portrait`, `speech` (or `driving`) and `output`, and any long option without its dashes;
    what a row leaves empty comes from the command line of the batch.
    """
    session = ctx.ensure_object(Session)
    items: list[dict[str, Any]] = []
    for number, row in enumerate(_rows(ctx, table, (*columns, "output")), start=1):
        try:
            answer = make(_job(ctx, row, columns, kind), session)
            items.append({**row, "ok": True, "result": answer.result, "error": None})
        except Exception as failure:
            error = as_error(failure)
            log.error("row %d: %s (%s)", number, error.message, error.code, exc_info=failure)
            items.append({**row, "ok": False, "result": None, "error": error.to_dict()})
            if not ctx.params["keep_going"]:
                break
    failed = sum(not item["ok"] for item in items)
    lines = [f"{len(items) - failed} made, {failed} failed"]
    lines += [f"  {item.get('output')}: {item['error']['message']}" for item in items if not item["ok"]]
    result = {"items": items, "made": len(items) - failed, "failed": failed}
    error = None
    if failed:
        hint = "See the items." if ctx.params["keep_going"] else "Add --keep-going to go on after a row that fails."
        error = {"code": "partial", "message": f"{failed} of {len(items)} rows failed", "hint": hint, "exit_code": 7}
    return Answer(result, "\n".join(lines), 7 if failed else 0, {"batch": str(table)}, error)


def _rows(ctx: click.Context, table: Path, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows without their empty cells, options under their own names."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            names = [name.replace("-", "_") for name in reader.fieldnames or ()]
            reader.fieldnames = names
            rows = [{key: value for key, value in row.items() if key and value} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("unreadable", f"the table {table} cannot be read: {error}", "Give CSV in UTF-8.") from error
    if missing := [name for name in columns if name not in names]:
        raise InputError("bad_table", f"{table} has no column {missing[0]!r}", f"It needs: {', '.join(columns)}.")
    if unknown := set(names) - {*columns, *option_names(ctx.command)}:
        hint = f"A column is named as an option: {ctx.command_path} --help"
        raise InputError("bad_table", f"{table}: there is no option {min(unknown)!r}", hint)
    return rows


def _job(ctx: click.Context, row: dict[str, Any], columns: tuple[str, str], kind: str) -> Job:
    """Parse a row as the command line it stands for."""
    options: dict[str, Any] = {name: value for name, value in row.items() if name not in columns}
    if "set" in options:
        options["set"] = options["set"].split()
    if ctx.params["out_dir"] and "output" in options:
        options["output"] = str(ctx.params["out_dir"] / options["output"])
    said = {
        name: value
        for name, value in ctx.params.items()
        if name not in _OF_THE_BATCH and ctx.get_parameter_source(name) != ParameterSource.DEFAULT
    }
    words = ["--", *(row.get(column, "") for column in columns)]
    with ctx.command.make_context(ctx.command.name, words, parent=ctx.parent, default_map=said | options) as own:
        return Job.of(own, kind, own.params["portrait"], own.params[columns[1]])
