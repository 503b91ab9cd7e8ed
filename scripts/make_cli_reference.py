"""Write docs/reference/cli.md from the commands themselves.

python scripts/make_cli_reference.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from facewright.cli.main import SECTIONS, facewright

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
        parts += [f"### {command.name}\n\n```text\n{_help(command)}\n```\n" for command in commands]
    return "\n".join(parts)


def _help(command: click.Command) -> str:
    parent = click.Context(facewright, info_name="facewright", **facewright.context_settings)
    context = click.Context(command, info_name=command.name, parent=parent, terminal_width=100, max_content_width=100)
    return command.get_help(context)


if __name__ == "__main__":
    (Path(sys.argv[1]) if sys.argv[1:] else PAGE).write_text(reference(), "utf-8")
