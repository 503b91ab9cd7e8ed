"""Whatever can go wrong in a run, as one of our errors."""

from __future__ import annotations

import errno

import click

from ..core.errors import FacewrightError, MachineError, UsageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}


def as_error(failure: Exception) -> FacewrightError:
    """The error to show for an exception; anything unforeseen is our bug."""
    if isinstance(failure, FacewrightError):
        return failure
    if isinstance(failure, click.ClickException):
        context = getattr(failure, "ctx", None)
        hint = f"See: {context.command_path} --help" if context else "See: facewright --help"
        return UsageError("usage", failure.format_message(), hint)
    if out_of_memory(failure):
        return MachineError(
            "out_of_memory", "the machine ran out of memory", "Close other programs, or ask for a smaller --size."
        )
    if isinstance(failure, OSError) and failure.errno in _FULL:
        return MachineError("disk_full", f"no space left for {failure.filename or 'the output'}", "Free some space.")
    if isinstance(failure, OSError) and failure.errno in _CLOSED:
        return MachineError("read_only", f"{failure.filename or 'a file'} may not be written or read", "")
    return FacewrightError(
        "internal",
        f"a fault of facewright itself: {type(failure).__name__}: {failure}",
        "Run again with -vv for the traceback, and report it with what `facewright doctor --json` prints.",
    )


def out_of_memory(failure: Exception) -> bool:
    """True for Python's, torch's and OpenCV's way of saying it; neither library need be imported to know."""
    said = f"{type(failure).__name__}: {failure}".lower()
    return isinstance(failure, MemoryError) or any(
        sign in said for sign in ("outofmemory", "not enough memory", "can't allocate memory", "insufficient memory")
    )
