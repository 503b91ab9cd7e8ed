"""Whose signatures and time-stamps are trusted: lists of certificates, from a file or kept in `FACEWRIGHT_HOME/trust`.

A kept list is `NAME.pem` with `NAME.json` beside it: where it came from, when, its SHA-256, and whether it vouches for
signers ("manifest") or for time-stamps ("tsa"). A list is fetched when its owner says so and at no other time; a
verdict names the list it relied on, with its date.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from ..core.errors import MachineError, UsageError
from ..core.paths import home

SIGNERS, TIMES = "manifest", "tsa"  # c2pa's names of the two kinds
LARGEST = 16 << 20  # bytes of a list
BAD_CERTIFICATE = (  # what cryptography raises for a hostile one, at loading or at the first look into it
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.ExtensionNotFound,
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EXTENSIONS = "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"  # e-mail, document and claim signing


@dataclass(frozen=True)
class TrustList:
    """Certificates whose signatures are trusted.

    Attributes:
        pem: the certificates.
        name: what people call it: the file's name, or the name it is kept under.
        date: of the file, or of the day it was fetched; ISO 8601 (a PEM list carries no date of its own).
        count: how many.
        source: file or URL a kept list came from; "" for a file named on the spot.
        purpose: `SIGNERS` or `TIMES`.
    """

    pem: str
    name: str
    date: str
    count: int
    source: str = ""
    purpose: str = SIGNERS

    @classmethod
    def load(cls, path: str | Path, purpose: str = SIGNERS) -> TrustList:
        """From a PEM file.

        Raises:
            UsageError: "trust_list" if it cannot be read or holds no certificate.
        """
        path = Path(path).expanduser()
        try:
            pem, date = path.read_text(), path.stat().st_mtime
        except (OSError, ValueError) as error:
            raise _unusable(path, error) from error
        return cls(pem, path.name, _day(date), _count(pem, path), "", purpose)

    @property
    def shown(self) -> str:
        """For a verdict: name, size, date and source."""
        origin = f"kept since {self.date}, from {self.source}" if self.source else f"file of {self.date}"
        return f"{self.name} ({self.count} certificates, {origin})"

    @property
    def anchors(self) -> dict[str, str]:
        """As c2pa's settings take it; its reports name the list by `uri`."""
        purposes = {"trust_config": "\n".join(_EXTENSIONS)} if self.purpose == SIGNERS else {}
        return {"trust_anchors": self.pem, "trust_uri": self.uri, "trust_kind": self.purpose, **purposes}

    @property
    def certificates(self) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.pem.encode())

    @property
    def uri(self) -> str:
        """Different for lists that differ, whatever their names."""
        return f"urn:sha256:{hashlib.sha256(self.pem.encode()).hexdigest()}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-friendly, without the certificates."""
        return {
            "name": self.name,
            "date": self.date,
            "certificates": self.count,
            "source": self.source or None,
            "purpose": self.purpose,
        }


Named = Iterable[str | Path] | str | Path | None  # files, or names of kept lists


def chosen(signers: Named, times: Named = None) -> tuple[TrustList, ...]:
    """The lists that a verification shall use.

    Args:
        signers: files or names of kept lists; None for `FACEWRIGHT_TRUST`, else all kept lists for signers.
        times: the same for time-stamps; None for all kept lists for time-stamps.

    Raises:
        UsageError: "trust_list".
    """
    signers = signers or os.environ.get("FACEWRIGHT_TRUST") or None
    return (*_chosen(signers, SIGNERS), *_chosen(times, TIMES))


def _chosen(named: Named, purpose: str) -> tuple[TrustList, ...]:
    if not named:
        return tuple(each for each in kept() if each.purpose == purpose)
    names = [named] if isinstance(named, str | Path) else named
    stored = {each.name: each for each in kept() if each.purpose == purpose}
    return tuple(stored.get(str(name)) or TrustList.load(name, purpose) for name in names)


def kept() -> list[TrustList]:
    """All kept lists by name.

    Raises:
        UsageError: "trust_list" if one is damaged: a list that shrank unseen would change verdicts.
    """
    return [_read(path) for path in sorted(_folder().glob("*.json"))]


def keep(
    name: str, source: str, purpose: str = SIGNERS, *, pem: bytes | None = None, replace: bool = False
) -> TrustList:
    """Keep a list under a name.

    Args:
        name: letters, digits, `.`, `_` and `-`.
        source: where it came from, file or URL.
        purpose: `SIGNERS` or `TIMES`.
        pem: its bytes, if they were fetched already; else `source` is a file.
        replace: an existing list of that name may be replaced.

    Raises:
        UsageError: "usage" for a name that cannot be; "trust_list", "output_exists".
        MachineError: "read_only".
    """
    if not _NAME.fullmatch(name):
        raise UsageError("usage", f"{name!r} is no name for a list.", "Use letters, digits, '.', '_' and '-'.")
    folder = _folder()
    if (folder / f"{name}.json").exists() and not replace:
        raise UsageError("output_exists", f"There is a list {name} already.", "Use: facewright trust update")
    try:
        data = Path(source).expanduser().read_bytes() if pem is None else pem
        text = data[: LARGEST + 1].decode()
    except (OSError, ValueError) as error:
        raise _unusable(source, error) from error
    if len(data) > LARGEST:
        raise UsageError("trust_list", f"{source} is too large for a list of certificates.", "Give a PEM file.")
    _count(text, source)
    about = {
        "source": source if pem is not None else str(Path(source).expanduser().absolute()),
        "date": _day(datetime.now(UTC).timestamp()),
        "purpose": purpose,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _put(folder / f"{name}.pem", data)
        _put(folder / f"{name}.json", json.dumps(about, indent=2).encode() + b"\n")
    except OSError as error:
        raise MachineError("read_only", f"Cannot keep a list in {folder}: {error}.", "Set FACEWRIGHT_HOME.") from error
    return _read(folder / f"{name}.json")


def forget(name: str) -> None:
    """Remove a kept list.

    Raises:
        UsageError: "trust_list" if there is none of that name.
    """
    if not _NAME.fullmatch(name) or not (_folder() / f"{name}.json").exists():
        raise UsageError("trust_list", f"There is no kept list {name}.", "See: facewright trust list")
    for suffix in (".json", ".pem"):
        (_folder() / f"{name}{suffix}").unlink(missing_ok=True)


def name_of(certificate: x509.Certificate) -> str | None:
    """What a verdict calls the holder: the common name, else the organisation."""
    try:
        names = certificate.subject
    except BAD_CERTIFICATE:
        return None
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in names.get_attributes_for_oid(kind):
            return str(attribute.value)
    return None


def _read(path: Path) -> TrustList:
    try:
        about, data = json.loads(path.read_text()), path.with_suffix(".pem").read_bytes()
        if hashlib.sha256(data).hexdigest() != about["sha256"]:
            raise ValueError("it was changed since it was kept")
        count = _count(data.decode(), path)
        return TrustList(data.decode(), path.stem, about["date"], count, about["source"], about["purpose"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = f"Run: facewright trust update {path.stem} (or remove it)"
        raise UsageError("trust_list", f"The kept list {path.stem} cannot be used: {error}.", hint) from error


def _folder() -> Path:
    return home() / "trust"


def _put(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def _count(pem: str, source: str | Path) -> int:
    try:
        return len(x509.load_pem_x509_certificates(pem.encode()))
    except BAD_CERTIFICATE as error:
        raise _unusable(source, error) from error


def _unusable(source: str | Path, error: Exception) -> UsageError:
    return UsageError("trust_list", f"Cannot use the trust list {source}: {error}.", "Give a file of PEM certificates.")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
