"""Errors that people meet, one tree.

    FacewrightError            exit 1   our bug, if raised bare
    ├── UsageError             exit 2   the call is wrong (usage, output_exists)
    ├── InputError             exit 3   the input cannot be used (no_face, unreadable, too_short, no_audio, …)
    ├── MachineError           exit 4   this machine cannot do it (out_of_memory, disk_full, read_only, busy, …)
    ├── AssetError             exit 5   weights or data missing (weights_missing, hash_mismatch, …)
    ├── RefusedError           exit 6   marking or signing failed, so nothing was written (mark_failed, sign_failed)
    └── VerifyError            exit 10  a negative finding asked for as an error (tampered, mark_absent, …)

A message says what happened and to which file; a hint says what to do next. `code` is stable: scripts and
TROUBLESHOOTING.md rely on it.
"""

from __future__ import annotations


class FacewrightError(Exception):
    """Base of all errors raised on purpose.

    Args:
        code: stable snake_case name, as listed in TROUBLESHOOTING.md.
        message: what happened, one sentence.
        hint: what to do about it, one sentence; may be empty.
    """

    exit_code = 1

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[FacewrightError], tuple[str, str, str]]:
        """From one process to another."""
        return type(self), (self.code, self.message, self.hint)

    def to_dict(self) -> dict[str, str | int]:
        """The `error` object of every `--json` answer."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "exit_code": self.exit_code}


class UsageError(FacewrightError):
    exit_code = 2


class InputError(FacewrightError):
    exit_code = 3


class MachineError(FacewrightError):
    exit_code = 4


class AssetError(FacewrightError):
    exit_code = 5


class RefusedError(FacewrightError):
    exit_code = 6


class VerifyError(FacewrightError):
    exit_code = 10
