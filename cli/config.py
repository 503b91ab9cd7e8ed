"""`facewright config`: which value holds, and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..core import config as settings
from ..core.errors import UsageError
from ..core.paths import home
from .making import preset
from .session import Answer, Session
from .verb import Verb, leaves, option_names

TEMPLATE = """\
# Settings of facewright. Stronger: a flag, a FACEWRIGHT_… variable, --config FILE, ./facewright.toml.
# What stands here holds for every command that has the option; a table holds for one command.

# device = "cpu"

# [generate]
# fps = 30
# head-motion = 0.6
"""


@click.command(
    cls=Verb,
    context_settings={"ignore_unknown_options": True},
    example="""
facewright config show generate
facewright config show generate --fps 30
facewright config init
""",
)
@click.argument("action", type=click.Choice(["show", "path", "init"]), default="show")
@click.argument("command", required=False)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def config(ctx: click.Context, action: str, command: str | None, flags: tuple[str, ...]) -> Answer:
    """Show the settings and where they come from.

    `show` lists the options of COMMAND with their values and what set them, `path` names the files that are read,
    `init` writes a first one.
    """
    if action == "path":
        paths = [str(path) for path in settings.files()]
        text = "\n".join(paths) or f"none; {_user_file()} if made"
        return Answer({"user_file": str(_user_file()), "read": paths}, text)
    if action == "init":
        return _init(_user_file())
    root = ctx.find_root().command
    commands = leaves(root) if isinstance(root, click.Group) else {}
    if command is not None and command not in commands:
        raise click.UsageError(f"There is no command {command!r}.", ctx)
    shown = {name: _values(commands[name], ctx, flags) for name in ([command] if command else commands)}
    lines = [
        f"{name}.{option.replace('_', '-'):<12} {_toml(value['value']):<12} {value['source']}"
        for name, options in shown.items()
        for option, value in options.items()
    ]
    return Answer({"commands": shown}, "\n".join(lines))


def _values(command: click.Command, ctx: click.Context, flags: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Each option of a command with its value and the layer that gave it."""
    session = Session()
    named = ctx.ensure_object(Session).config
    words = [*flags, *(["--config", str(named)] if named else [])]
    with command.make_context(command.name, words, parent=ctx.parent, obj=session, resilient_parsing=True) as own:
        filled = preset(own) if {"preset", "method"} <= own.params.keys() else {}
        return {
            name: {
                "value": _plain(filled.get(name, own.params.get(name))),
                "source": f"preset {own.params['preset']}" if name in filled else _source(own, name, session),
            }
            for name in option_names(command)
            if name in own.params
        }


def _source(ctx: click.Context, name: str, session: Session) -> str:
    match ctx.get_parameter_source(name):
        case ParameterSource.COMMANDLINE:
            return "flag"
        case ParameterSource.ENVIRONMENT:
            return "variable"
        case ParameterSource.DEFAULT_MAP:
            return session.settings[name]
    return "default" if ctx.params[name] is not None else "not set"


def _init(path: Path) -> Answer:
    if path.exists():
        raise UsageError("output_exists", f"{path} exists already", "Edit it; nothing was changed.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE, "utf-8")
    return Answer({"written": str(path)}, str(path))


def _user_file() -> Path:
    return home() / settings.USER_FILE


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "–" if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
