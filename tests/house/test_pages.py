"""What the pages claim: errors are explained, commands shown exist, links lead somewhere."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys

from click.testing import CliRunner
from facewright.cli import verify
from facewright.cli.main import facewright
from facewright.core import errors

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.FacewrightError)
}
BLOCK = re.compile(r"```(?:sh|console)\n(.*?)```", re.DOTALL)


def _codes(tree) -> dict[str, set[int]]:
    """Every code that the source gives to an error, with the exit codes of the errors that carry it."""
    found: dict[str, set[int]] = {}
    for path in tree.python(*tree.floors):
        for node in ast.walk(tree.parse(path)):
            if isinstance(node, ast.Call) and node.args and (kind := KINDS.get(getattr(node.func, "id", ""))):
                for leaf in ast.walk(node.args[0]):
                    if isinstance(leaf, ast.Constant) and re.fullmatch(r"[a-z]\w+", str(leaf.value)):
                        found.setdefault(leaf.value, set()).add(kind.exit_code)
    return found


def test_every_error_code_is_explained_under_its_exit_code(tree):
    text = (tree.root / "TROUBLESHOOTING.md").read_text("utf-8")
    explained: dict[str, set[int]] = {}
    for section in text.split("\n## ")[1:]:
        numbers = {int(number) for number in re.findall(r"\d+", section.splitlines()[0])}
        explained |= dict.fromkeys(re.findall(r"^### `(\w+)`", section, re.MULTILINE), numbers)
    wrong = {code: exits for code, exits in _codes(tree).items() if not exits & explained.get(code, set())}
    assert not wrong


def test_every_finding_is_explained(tree):
    text = (tree.root / "TROUBLESHOOTING.md").read_text("utf-8")
    states = {"invalid", "conflict", "revoked", "recovered-mismatch", "nothing-found"}
    codes = {verify.CODES.get(state, state.replace("-", "_")) for state in states}
    assert all(f"### `{code}`" in text for code in codes | {"partial", "likely_synthetic", "interrupted", "internal"})


def test_every_command_shown_can_be_parsed(tree):
    """Options and verbs in the pages exist; nothing is run."""
    for page in tree.pages():
        for block in BLOCK.findall(page.read_text("utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words[:1] != ["facewright"] or "--help" in words or len(words) == 1:
                    continue
                words = words[: next((i for i, word in enumerate(words) if word in {"|", ">", "&&", "||", "2>"}), None)]
                command = facewright.commands[words[1]]
                with command.make_context(words[1], words[2:], resilient_parsing=False) as context:
                    assert context.params is not None, f"{page}: {line}"


def test_every_link_leads_to_a_file(tree):
    for page in tree.pages():
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(tree.root)} → {target}"


def test_the_reference_of_commands_is_current(tree, tmp_path):
    script = tree.root / "scripts" / "make_cli_reference.py"
    subprocess.run([sys.executable, str(script), str(tmp_path / "cli.md")], check=True)
    page = tree.root / "docs" / "reference" / "cli.md"
    assert page.read_text("utf-8") == (tmp_path / "cli.md").read_text("utf-8"), "run: make docs"


def test_make_has_the_targets_that_the_pages_name(tree):
    targets = set(re.findall(r"^([a-z]+):", (tree.root / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = "\n".join(block for page in tree.pages() for block in BLOCK.findall(page.read_text("utf-8")))
    named = set(re.findall(r"\bmake ([a-z]+)", shown))
    assert {"demo", "test", "lint"} <= named | {"lint"}
    assert named <= targets


def test_the_changelog_names_this_version(tree):
    from facewright import __version__

    assert f"[{__version__}]" in (tree.root / "CHANGELOG.md").read_text("utf-8")


def test_the_help_page_lists_every_command():
    text = CliRunner().invoke(facewright, ["--help"]).output
    assert all(f"  {name} " in text for name in facewright.commands)
