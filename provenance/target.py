"""Where a sealed file will stand: checked before work begins, one writer at a time, hidden until whole.

Beside the target stand, while a seal runs, a lock (`.NAME.facewright.lock`, held with flock) and temporary files
(`.NAME.facewright-PID-RANDOM.tmp.mp4`). A process that is killed leaves them, but the kernel lets go of its lock: so
the next run in that folder knows them as left over, whichever container or process number made them, and removes them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..core.errors import FacewrightError, MachineError, UsageError

SUFFIXES = (".mp4", ".mov", ".m4v")
_OURS = re.compile(r"\.(?P<label>.+)\.facewright(\.lock|-\d+-[0-9a-f]+\.tmp\.(mp4|mov|m4v))")
_LONGEST = 200  # bytes of the target's name kept in ours; a file name may have 255


def check_target(path: str | Path, force: bool = False, inputs: Iterable[str | Path] = ()) -> Path:
    """Whether a sealed file can be put at `path`, asked before any work is done.

    Args:
        path: where the file shall stand.
        force: an existing file may be replaced.
        inputs: files that must not be written over, even with `force`.

    Raises:
        UsageError: "output_format", "output_is_folder", "output_exists", "output_is_input", "no_folder".
        MachineError: "read_only" if the folder cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(
            "output_format", f"Cannot write {target.name}: not a video file name.", f"End it in {', '.join(SUFFIXES)}."
        )
    try:
        if target.is_dir():
            raise UsageError("output_is_folder", f"{target} is a folder.", "Name a file in it.")
        if not target.parent.is_dir():
            raise UsageError(
                "no_folder", f"The folder {target.parent} does not exist.", f"Run: mkdir -p '{target.parent}'"
            )
        if target.exists():
            if any(item and os.path.exists(item) and os.path.samefile(item, target) for item in inputs):
                raise UsageError("output_is_input", f"{target} is one of the inputs.", "Name another output.")
            if not force:
                raise UsageError("output_exists", f"{target} exists.", "Name another output or use --force.")
    except OSError as error:
        raise disk_error(error, target) from error
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise disk_error(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), target)
    return target


class Claim:
    """The right to write one target, held by one process; see `claim`."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.temporaries: list[Path] = []

    def temporary(self) -> Path:
        """A new name beside the target, removed when the claim ends."""
        random = secrets.token_hex(4)
        name = f".{_label(self.target)}.facewright-{os.getpid()}-{random}.tmp{self.target.suffix.lower()}"
        self.temporaries.append(self.target.with_name(name))
        return self.temporaries[-1]

    def publish(self, finished: Path, force: bool) -> None:
        """Put a finished temporary file at the target: at once and whole, never over a file that came meanwhile.

        Raises:
            UsageError: "output_exists".
            MachineError: what the disk says.
        """
        try:
            with open(finished, "rb") as file:
                os.fsync(file.fileno())
            if force or not _link(finished, self.target):
                os.replace(finished, self.target)
        except FileExistsError as error:
            raise UsageError(
                "output_exists", f"{self.target} appeared while it was being made.", "It was left as it is."
            ) from error
        except OSError as error:
            raise disk_error(error, self.target) from error
        with contextlib.suppress(OSError):  # the file is there; not every file system can flush a folder
            _flush_folder(self.target.parent)

    def remove_temporaries(self) -> None:
        for path in self.temporaries:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def claim(target: Path) -> Iterator[Claim]:
    """Hold `target` for writing; left-overs of dead runs in its folder are removed first.

    Raises:
        MachineError: "busy" if another run is writing the same target; "read_only", "disk_full".
    """
    remove_leftovers(target.parent)
    lock = _lock(target)
    held = Claim(target)
    try:
        yield held
    except FacewrightError as error:
        for path in held.temporaries:  # people know the name they gave
            error.message = error.message.replace(str(path.absolute()), str(target)).replace(str(path), str(target))
        error.args = (error.message,)
        raise
    finally:
        with contextlib.suppress(OSError):
            held.remove_temporaries()
        _unlock(target, lock)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left in `folder`; files of living runs stay."""
    try:
        left = [(entry.name, match["label"]) for entry in os.scandir(folder) if (match := _OURS.fullmatch(entry.name))]
    except OSError as error:
        raise disk_error(error, folder) from error
    for label in {label for _, label in left}:
        try:
            lock = _lock(folder / label)
        except MachineError:  # alive, or not ours to touch
            continue
        for name, owner in left:
            if owner == label and not name.endswith(".lock"):
                with contextlib.suppress(OSError):
                    (folder / name).unlink(missing_ok=True)
        _unlock(folder / label, lock)


def disk_error(error: OSError, path: Path) -> FacewrightError:
    """The error people meet for what the operating system says about writing `path`."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return MachineError("disk_full", f"Cannot write {path}: {reason}.", "Free some space or write elsewhere.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return MachineError("read_only", f"Cannot write {path}: {reason}.", "Write to a folder of your own.")
    if error.errno in (errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP):
        return UsageError("no_folder", f"Cannot write {path}: {reason}.", "Name a file in an existing folder.")
    return MachineError("disk", f"Cannot write {path}: {reason}.")


def _label(target: Path) -> str:
    encoded = os.fsencode(target.name)
    return target.name if len(encoded) <= _LONGEST else hashlib.sha256(encoded).hexdigest()[:32]


def _lock_path(target: Path) -> Path:
    return target.with_name(f".{_label(target)}.facewright.lock")


def _lock(target: Path) -> int:
    path = _lock_path(target)
    while True:
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise disk_error(error, target) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(lock)):
                return lock
            os.close(lock)  # the holder before us removed the file between our open and our lock
        except BlockingIOError as error:
            os.close(lock)
            raise MachineError(
                "busy", f"Another run is writing {target}.", "Wait for it, or name another output."
            ) from error
        except OSError as error:
            os.close(lock)
            raise disk_error(error, target) from error


def _unlock(target: Path, lock: int) -> None:
    _lock_path(target).unlink(missing_ok=True)
    os.close(lock)


def _link(source: Path, target: Path) -> bool:
    """Give `source` the name `target` if that is free; False where it is free but the file system has no links."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV, errno.EMLINK):
            raise
        if target.exists():
            raise FileExistsError from error
        return False
    return True


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
