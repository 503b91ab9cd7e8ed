"""What `facewright keys` does: make, list, rotate, request, import. Signing keys and watermark keys are kept apart."""

from __future__ import annotations

import hashlib
import os
import secrets
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from ..core.errors import FacewrightError, RefusedError, UsageError
from . import keyfile
from .certificates import C2PA_CLAIM_SIGNING, LEAF_DAYS, public_bytes, retire, signing_request
from .keys import SIGNERS, Signer, certificates_in, default_signer, key_folder, local_signer, locked
from .watermark.key import PUBLIC_KEY, current_key_file, resolve_key, retired_key_files

_USAGES = {C2PA_CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION}


def new() -> Signer:
    """Make the local signer now, encrypted if there is a pass phrase, instead of on first use.

    Raises:
        UsageError: "key_exists".
    """
    bundle = key_folder() / "local-signer.pem"
    if bundle.exists():
        raise UsageError("key_exists", f"There is a local signer already: {bundle}.", "See: facewright keys rotate")
    return local_signer()


def rotate() -> Signer:
    """A new key and certificate of the local signer; the old certificate is kept, its key is not.

    Raises:
        UsageError: "usage" if another identity signs here, which its authority has to renew.
    """
    if (origin := default_signer().origin) != "local":
        raise UsageError(
            "usage",
            f"The signer here is not the local one but {origin}; its authority renews it.",
            "See: facewright keys request",
        )
    return local_signer(rotate=True)


def request(subject: str, path: Path, *, force: bool = False) -> Path:
    """Make a key that stays here and write the request for its certificate, for an authority to answer.

    Args:
        subject: RFC 4514, as "CN=Press office,O=Example,C=NL".

    Raises:
        UsageError: "usage", "output_exists", "key_exists" if a request is still open.
    """
    try:
        name = x509.Name.from_rfc4514_string(subject)
    except ValueError as error:
        raise UsageError("usage", f"This is not a subject: {subject!r}.", 'As "CN=Press office,O=Example".') from error
    if path.exists() and not force:
        raise UsageError("output_exists", f"{path} exists.", "Give another name, or --force.")
    waiting = key_folder() / "requested.key"
    with locked(key_folder()):
        if waiting.exists() and not force:
            hint = "Import its answer, or --force to give it up."
            raise UsageError("key_exists", f"A request is open: {waiting} waits for its certificate.", hint)
        key = ec.generate_private_key(ec.SECP256R1())
        keyfile.write(waiting, keyfile.pem(key, keyfile.passphrase()))
    keyfile.write(path, signing_request(name, key), mode=0o644)
    return waiting


def install(chain: Path, key: Path | None = None) -> tuple[Signer, list[str]]:
    """Sign with an authority's certificate from now on.

    Args:
        chain: PEM, leaf first, then the intermediates.
        key: its private key; default: that of the open request.

    Returns:
        The signer, and what its owner should know.

    Raises:
        RefusedError: "sign_failed" if key and certificates do not fit together or may not sign claims, "key_exposed".
    """
    waiting = key_folder() / "requested.key"
    source = key or waiting
    phrase = keyfile.passphrase()
    private = keyfile.load(source, phrase)
    try:
        text = certificates_in(chain.read_text())
        leaf, *issuers = x509.load_pem_x509_certificates(text.encode())
    except (OSError, ValueError) as error:
        raise RefusedError("sign_failed", f"Cannot use the certificate {chain}: {error}.") from error
    if public_bytes(private.public_key()) != public_bytes(leaf.public_key()):
        raise RefusedError("sign_failed", f"The certificate {chain} was not issued for the key {source}.")
    _check_chain(leaf, issuers)
    identity = key_folder() / "identity.pem"
    with locked(key_folder()):
        if identity.exists():
            retire(identity)
        keyfile.write(identity, keyfile.pem(private, phrase) + text.encode())
        if source == waiting:
            waiting.unlink()
    return default_signer(), _remarks(leaf, issuers)


def new_mark_key(*, replace: bool = False) -> Path:
    """Make a private key of the watermark; a private one that there was is kept, so that its marks are still read.

    Raises:
        UsageError: "key_exists" if there is a private one and it is not to be replaced.
    """
    file = current_key_file() or key_folder() / "mark.key"
    old = resolve_key()
    if old != PUBLIC_KEY and not replace:
        raise UsageError("key_exists", f"There is a watermark key already: {file}.", "See: facewright keys rotate")
    with locked(key_folder()):
        if old != PUBLIC_KEY:
            retired = key_folder() / "retired-marks"
            retired.mkdir(mode=0o700, exist_ok=True)
            stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            keyfile.write(retired / f"{stamp}.key", old)
        keyfile.write(file, secrets.token_bytes(32))
    return file


def listing() -> dict[str, Any]:
    """What there is, without a secret in it: the signer in use, old certificates, watermark keys, other signers."""
    folder = key_folder()
    retired = [_certificate(x509.load_pem_x509_certificate(path.read_bytes())) for path in _old(folder / "retired")]
    return {
        "folder": str(folder),
        "signer": _signer_facts(folder),
        "retired": retired,
        "request": str(folder / "requested.key") if (folder / "requested.key").exists() else None,
        "installed_signers": sorted(point.name for point in entry_points(group=SIGNERS)),
        "mark_key": {
            "private": current_key_file() is not None,
            "file": str(current_key_file() or "") or None,
            "check": _check(resolve_key()),
            "retired": [_check(path.read_bytes()) for path in retired_key_files()],
        },
    }


def _signer_facts(folder: Path) -> dict[str, Any] | None:
    named = {"FACEWRIGHT_SIGNER", "FACEWRIGHT_SIGN_CERT", "FACEWRIGHT_SIGN_KEY"} & os.environ.keys()
    file = next((path for name in ("identity.pem", "local-signer.pem") if (path := folder / name).exists()), None)
    if not named and file is None:
        return None  # made on first use; looking makes nothing
    facts: dict[str, Any] = {"file": None if named else str(file)}
    if not named and file:
        facts["encrypted"] = keyfile.is_encrypted(file)
        facts |= _certificate(x509.load_pem_x509_certificate(file.read_bytes()))
    try:
        signer = default_signer()
        return {**facts, **_certificate(signer.leaf), "origin": signer.origin, "algorithm": signer.algorithm}
    except FacewrightError as error:
        return {**facts, "problem": error.message}


def _certificate(leaf: x509.Certificate) -> dict[str, Any]:
    return {
        "subject": leaf.subject.rfc4514_string(),
        "issuer": leaf.issuer.rfc4514_string(),
        "serial": f"{leaf.serial_number:x}",
        "until": f"{leaf.not_valid_after_utc:%Y-%m-%d}",
        "days_left": (leaf.not_valid_after_utc - datetime.now(UTC)).days,
    }


def _check(key: bytes) -> str:
    """Eight hex digits that tell watermark keys apart and give nothing of them away."""
    return hashlib.sha256(b"check of a mark key" + key).hexdigest()[:8]


def _old(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.crt"), reverse=True)


def _check_chain(leaf: x509.Certificate, issuers: list[x509.Certificate]) -> None:
    now = datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise RefusedError("sign_failed", f"The certificate holds until {leaf.not_valid_after_utc}, not now.")
    if leaf.issuer == leaf.subject:
        raise RefusedError("sign_failed", "The certificate is self-signed: no authority answered.")
    try:
        usages = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        usages = set()
    if not usages & _USAGES:
        raise RefusedError("sign_failed", "The certificate may not sign C2PA claims: it lacks the extended key usage.")
    for below, above in zip([leaf, *issuers], issuers, strict=False):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature) as error:
            name = below.subject.rfc4514_string()
            message = f"The chain is broken: the certificate after {name} did not issue it."
            raise RefusedError("sign_failed", message, "Leaf first, then the intermediates in order.") from error


def _remarks(leaf: x509.Certificate, issuers: list[x509.Certificate]) -> list[str]:
    days = (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days
    remarks = [] if days <= LEAF_DAYS else [f"the certificate holds for {days} days; {LEAF_DAYS} or less are advised"]
    if not issuers:
        remarks.append("the file holds no intermediate certificates; verifiers may not find the way to the root")
    return remarks
