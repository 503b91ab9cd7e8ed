"""The command `facewright`: its verbs, and how a run ends."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..core.errors import FacewrightError
from ..core.version import VERSION
from .bench import bench
from .config import config
from .datasets import datasets
from .doctor import doctor
from .failures import as_error
from .generate import generate
from .keys import keys
from .logs import level
from .methods import methods
from .reenact import reenact
from .replay import replay
from .scan import scan
from .serve import serve
from .session import Answer, Session
from .stamp import stamp
from .store import store
from .train import train
from .trust import trust
from .verify import verify
from .weights import weights

SECTIONS = {
    "Make": (generate, reenact, replay),
    "Check": (verify, scan, trust, stamp),
    "Models": (methods, weights, train, datasets),
    "Records": (store, keys, serve),
    "House": (bench, doctor, config),
}
INTERRUPTED, TERMINATED, PIPE_CLOSED = 130, 143, 141


class Commands(click.Group):
    """The verbs under their headings."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(command.name or "", command.get_short_help_str(80)) for command in commands])


@click.group(cls=Commands, context_settings={"auto_envvar_prefix": "FACEWRIGHT", "help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="%(prog)s %(version)s")
def facewright() -> None:
    """Make, mark and audit synthetic faces.

    Every video written here is watermarked and signed, and says that it is synthetic. That cannot be switched off.
    """


for _commands in SECTIONS.values():
    for _command in _commands:
        facewright.add_command(_command)


def run(argv: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code: 0 done, 1 our bug, 2 usage, 3 input, 4 machine, 5 assets, 6 refused, 7 partial, 10 negative
        finding, 11 cannot tell, 130 interrupted, 141 pipe closed.
    """
    if "_FACEWRIGHT_COMPLETE" in os.environ:
        return facewright.main(argv, prog_name="facewright")
    session = Session(json="--json" in argv, command=next((word for word in argv if word in facewright.commands), ""))
    try:
        with _unwinding():
            return _run(argv, session)
    except BrokenPipeError:
        _drop_stdout()
        return PIPE_CLOSED
    finally:
        session.events.close()


def _run(argv: list[str], session: Session) -> int:
    try:
        with facewright.make_context("facewright", list(argv) or ["--help"], obj=session) as context:
            return facewright.invoke(context)
    except click.exceptions.Exit as done:
        sys.stdout.flush()
        return done.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _fail(_Interrupted(), session)
    except BrokenPipeError:
        raise
    except Exception as failure:
        return _fail(failure, session)


class _Interrupted(FacewrightError):
    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted", "interrupted; nothing was left behind")


def _fail(failure: Exception, session: Session) -> int:
    """Say what went wrong, as JSON or in words."""
    error = as_error(failure)
    if level(session) == logging.DEBUG and not isinstance(failure, click.ClickException):
        traceback.print_exception(failure, file=sys.stderr)
    if session.json:
        session.say(Answer(result=None, error=error.to_dict(), exit_code=error.exit_code))
    else:
        session.events.write("failed", error=error.to_dict())
        print(f"error ({error.code}): {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
    return error.exit_code


@contextmanager
def _unwinding() -> Iterator[None]:
    """Let SIGTERM unwind the stack, as Ctrl-C does, so that half-made files are removed."""

    def terminate(*_: object) -> None:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _drop_stdout() -> None:
    """Keep Python from writing to the closed pipe once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
