"""`facewright doctor`: can this machine do the work? What to paste into a bug report."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from typing import Any

import click

from ..core import paths, weights
from ..core.errors import FacewrightError, MachineError
from .session import Answer
from .verb import Verb

DECODERS = ("h264", "hevc", "vp9", "av1", "aac", "mp3", "opus", "pcm_s16le")
ENCODERS = ("libx264", "aac")


@click.command(cls=Verb, example="facewright doctor\nfacewright doctor --json")
def doctor() -> Answer:
    """Check that this machine can do the work.

    Packages, codecs, devices, folders, keys, store and weights. Paste what --json prints into a bug report.
    """
    checks = [_checked(name, check) for name, check in CHECKS.items()]
    broken = [check["name"] for check in checks if not check["ok"]]
    error = None
    if broken:
        error = MachineError("unfit", f"not in order: {', '.join(broken)}", "Install facewright again in a new venv.")
    lines = [f"{'ok ' if check['ok'] else 'BAD'}  {check['name']:<9} {check['detail']}" for check in checks]
    return Answer(
        {"checks": checks, "machine": _machine(), "packages": _packages()},
        "\n".join(lines),
        error.exit_code if error else 0,
        error=error.to_dict() if error else None,
    )


def _checked(name: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "detail": check()}
    except FacewrightError as error:
        return {"name": name, "ok": False, "detail": f"{error.message} {error.hint}".strip()}
    except Exception as error:  # a broken package can raise anything at import; that is what is asked here
        return {"name": name, "ok": False, "detail": f"{type(error).__name__}: {error}"}


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": memory,
    }


def _packages() -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, requires, version

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    needed = [line for line in requires("facewright") or [] if "extra ==" not in line]
    names = ["facewright", *(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed)]
    return {name: installed(name) for name in names}


def _python() -> str:
    facts = _machine()
    return f"{facts['python']} on {facts['system']}, {facts['cores']} cores, {facts['memory_bytes'] / 2**30:.0f} GiB"


def _installed() -> str:
    found = _packages()
    if missing := [name for name, version in found.items() if version is None]:
        raise MachineError("unfit", f"missing: {', '.join(missing)}.")
    return " ".join(f"{name} {version}" for name, version in found.items())


def _torch() -> str:
    import torch

    cards = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ", ".join([f"torch {torch.__version__}: cpu ({torch.get_num_threads()} threads)", *cards])


def _codecs() -> str:
    import av

    wanted = [(name, "r") for name in DECODERS] + [(name, "w") for name in ENCODERS]
    if missing := [name for name, mode in wanted if not _codec(name, mode)]:
        raise MachineError("no_codec", f"PyAV {av.__version__} lacks {', '.join(missing)}.")
    return f"PyAV {av.__version__} reads {', '.join(DECODERS)}; writes {', '.join(ENCODERS)}"


def _codec(name: str, mode: Any) -> bool:
    import av
    from av.codec.codec import UnknownCodecError

    try:
        return bool(av.Codec(name, mode))
    except UnknownCodecError:
        return False


def _faces() -> str:
    from ..core.faces import load_backend

    load_backend().close()
    return "mediapipe face mesh loads"


def _folders() -> str:
    for folder in (paths.home(), paths.cache()):
        exists = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not (exists.is_dir() and os.access(exists, os.W_OK | os.X_OK)):
            raise MachineError("read_only", f"{folder} cannot be written.", "Set FACEWRIGHT_HOME and FACEWRIGHT_CACHE.")
    return f"home {paths.home()}, cache {paths.cache()}"


def _keys() -> str:
    from ..provenance import keys

    named = {"FACEWRIGHT_SIGN_CERT", "FACEWRIGHT_SIGNER"} & os.environ.keys()
    if not named and not any((keys.key_folder() / name).exists() for name in ("identity.pem", "local-signer.pem")):
        return "none yet; a local signer, untrusted elsewhere, is made on first use"
    signer = keys.default_signer()
    leaf = signer.leaf
    return f"{signer.origin} signer {leaf.subject.rfc4514_string()}, until {leaf.not_valid_after_utc:%Y-%m-%d}"


def _store() -> str:
    from ..provenance import Store

    store = Store()
    return f"{len(store)} records in {store.shown}"


def _weights() -> str:
    for record in weights.records():
        weights.check(record)
    return ", ".join(f"{record.name} intact" for record in weights.records()) or "none shipped"


CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "packages": _installed,
    "torch": _torch,
    "codecs": _codecs,
    "faces": _faces,
    "folders": _folders,
    "keys": _keys,
    "store": _store,
    "weights": _weights,
}
