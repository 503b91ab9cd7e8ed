"""The command class of every verb: common options, settings files, help in sections, one way to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from ..core import config
from .logs import listening
from .session import Answer, Session, worst

COMMON = "Common"
UNSET_BY_FILE = {"help", "json", "config", "events", "output", "force", "dry_run", "batch", "out_dir"}  # of one run


class Option(click.Option):
    """An option that stands under a heading of the help page.

    Args:
        section: the heading; options of a command without one stand under "Options".
    """

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


def option(*names: str, section: str = "Options", **kwargs: Any) -> Callable[[Any], Any]:
    """`click.option` with a section."""
    return click.option(*names, cls=Option, section=section, **kwargs)


class Verb(click.Command):
    """A command whose function returns an `Answer`, or yields several.

    Args:
        example: command lines for the end of the help page, one a line.
    """

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        kwargs["params"] = [*kwargs.get("params", []), *_common_options()]
        super().__init__(*args, **kwargs)
        self.example = example

    def invoke(self, ctx: click.Context) -> int:
        session = ctx.ensure_object(Session)
        session.inputs = {
            param.name: _plain(ctx.params.get(param.name)) for param in self.params if isinstance(param, click.Argument)
        }
        with listening(session):
            session.events.open()
            session.events.write("start", command=session.command, inputs=session.inputs)
            outcome: Answer | Iterable[Answer] = super().invoke(ctx)
            codes = []
            for answer in [outcome] if isinstance(outcome, Answer) else outcome:
                session.say(answer)
                codes.append(answer.exit_code)
        return worst(codes)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (row := param.get_help_record(ctx)):
                sections.setdefault(getattr(param, "section", COMMON), []).append(row)
        for heading in sorted(sections, key=lambda name: name == COMMON):
            with formatter.section(heading):
                formatter.write_dl(sections[heading])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.example:
            with formatter.section("Examples"):
                for line in self.example.strip().splitlines():
                    formatter.write(f"{' ' * formatter.current_indent}{line}\n")


class Group(click.Group):
    """A verb of several words, such as `datasets synthesize`; its settings stand under `[datasets-synthesize]`."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for command in self.commands.values():
                if isinstance(command, Verb) and command.example:
                    formatter.write(f"{' ' * formatter.current_indent}{command.example.strip().splitlines()[0]}\n")


def leaves(group: click.Group, *words: str) -> dict[str, click.Command]:
    """All commands that do something, by the words that call them."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= leaves(command, *words, name)
        else:
            found[" ".join([*words, name])] = command
    return found


def option_names(command: click.Command) -> list[str]:
    """Names of the options that a settings file may give."""
    return [
        param.name
        for param in command.params
        if isinstance(param, click.Option) and param.name and param.name not in UNSET_BY_FILE
    ]


def _common_options() -> list[click.Parameter]:
    def common(*names: str, **kwargs: Any) -> Option:
        return Option(names, section=COMMON, expose_value=False, **kwargs)

    return [
        common(
            "--json", is_flag=True, help="Answer with one JSON object on stdout.", callback=_set_json, is_eager=True
        ),
        common(
            "--events",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Write progress to FILE, one JSON object a line.",
            callback=_set_events,
        ),
        common("--quiet", "-q", is_flag=True, help="Show errors only.", callback=_set_quiet),
        common("--verbose", "-v", count=True, help="Show more; -vv also shows tracebacks.", callback=_set_verbose),
        common(
            "--log-format",
            type=click.Choice(["text", "json"]),
            help="Form of the log on stderr; text if not said.",
            callback=_set_log_format,
        ),
        common(
            "--config",
            metavar="FILE",
            type=click.Path(path_type=Path),
            envvar="FACEWRIGHT_CONFIG",
            help="TOML file with settings, stronger than ./facewright.toml.",
            callback=_load_settings,
            is_eager=True,
        ),
    ]


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.ensure_object(Session).json |= value


def _set_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Session).verbosity = -1


def _set_verbose(ctx: click.Context, _: click.Parameter, value: int) -> None:
    if value:
        ctx.ensure_object(Session).verbosity = value


def _set_log_format(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value:
        ctx.ensure_object(Session).log_format = value


def _set_events(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    ctx.ensure_object(Session).events.path = value


def _load_settings(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    """Give click the values of the settings files; it ranks them below flags and variables."""
    root = ctx.find_root().command
    if not isinstance(root, click.Group):
        return
    session, name = ctx.ensure_object(Session), "_".join(ctx.command_path.split()[1:])
    known = {words.replace(" ", "_"): option_names(command) for words, command in leaves(root).items()}
    found = config.settings(name, known, value)
    session.config = value
    session.settings = {option: str(setting.source) for option, setting in found.items()}
    many = {param.name for param in ctx.command.params if getattr(param, "multiple", False)}
    values = {option: setting.value for option, setting in found.items()}
    values |= {option: [values[option]] for option in many & set(values) if isinstance(values[option], str)}
    ctx.default_map = values | dict(ctx.default_map or {})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
