"""Write docs/reference/cli.md from the commands themselves.

python scripts/make_cli_reference.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from facewright.cli.main import SECTIONS, facewright
from facewright.cli.verb import leaves

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
INTRODUCTION = """\
# Commands

Made by `make docs` from the commands themselves; a test compares the two. Every option may stand in a settings file or
a variable, see [variables](variables.md); what each exit code means is in [exit codes](exit-codes.md).
"""


def reference() -> str:
    """The page as it should be."""
    parts = [INTRODUCTION]
    for heading, commands in SECTIONS.items():
        parts.append(f"## {heading}\n")
        for command in commands:
            parts += [f"### {words}\n\n```text\n{_help(words, each)}\n```\n" for words, each in _pages(command).items()]
    return "\n".join(parts)


def _pages(command: click.Command) -> dict[str, click.Command]:
    name = command.name or ""
    return leaves(command, name) if isinstance(command, click.Group) else {name: command}


def _help(words: str, command: click.Command) -> str:
    parent = click.Context(facewright, info_name="facewright", **facewright.context_settings)
    context = click.Context(command, info_name=words, parent=parent, terminal_width=100, max_content_width=100)
    return command.get_help(context)


if __name__ == "__main__":
    (Path(sys.argv[1]) if sys.argv[1:] else PAGE).write_text(reference(), "utf-8")
