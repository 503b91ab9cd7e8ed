"""The log on stderr. The library only speaks to loggers under `facewright`; here is the one place that listens."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .session import Session

_LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}


class Listener(logging.Handler):
    """Shows records on stderr and keeps warnings for the answer and the events."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno == logging.WARNING:
            self.session.warnings.append(message)
            self.session.events.write("warning", message=message)
        if record.levelno < level(self.session):
            return
        if record.exc_info and level(self.session) == logging.DEBUG:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        if self.session.log_format == "json":
            line = json.dumps(
                {"level": record.levelname.lower(), "logger": record.name, "message": message, "time": record.created},
                ensure_ascii=False,
            )
        else:
            line = f"{record.levelname.lower()}: {message}"
        with suppress(OSError):  # a closed stderr must not stop the work
            print(line, file=sys.stderr, flush=True)


def level(session: Session) -> int:
    """The level shown: -q, -v and -vv, else FACEWRIGHT_LOG, else warnings."""
    named = logging.getLevelNamesMapping().get(os.environ.get("FACEWRIGHT_LOG", "").upper())
    return named if named and session.verbosity == 0 else _LEVELS[max(-1, min(session.verbosity, 2))]


@contextmanager
def listening(session: Session) -> Iterator[None]:
    """Hear the library's log for the length of one run."""
    logger, listener = logging.getLogger("facewright"), Listener(session)
    before = logger.propagate, logger.level
    logger.addHandler(listener)
    logger.propagate = False
    logger.setLevel(min(level(session), logging.WARNING))
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate, logger.level = before
