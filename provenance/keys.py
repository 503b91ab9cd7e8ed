"""Who signs: a local certificate made on first use, a user's certificate chain, or a callback to a key service.

In this order: the entry point that `FACEWRIGHT_SIGNER` names (group `facewright.signers`, a function without arguments
that returns a `Signer`: a key in a KMS or HSM never enters this process); the files of `FACEWRIGHT_SIGN_CERT` (PEM,
leaf first) and `FACEWRIGHT_SIGN_KEY` (PEM, PKCS#8); the identity that `facewright keys import` installed; the local
signer. That one says only "this installation made it": nobody vouches for its name, so verification elsewhere calls it
untrusted, and so do we. `FACEWRIGHT_HOME/keys` (0700) holds

    local-ca.key, local-ca.crt    an authority of this installation; give the .crt to whoever shall trust it
    local-signer.pem              key, leaf and CA certificate in one file: no crash leaves a pair that does not fit
    identity.pem, requested.key   an imported identity in the same form; the key of a request not yet answered
    retired/                      certificates that were replaced
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from ..core.errors import FacewrightError, MachineError, RefusedError
from ..core.paths import home
from . import keyfile
from .certificates import RENEW_DAYS, public_bytes, renew

_LOG = logging.getLogger("facewright.keys")
SIGNERS = "facewright.signers"  # the group of entry points


@dataclass(frozen=True)
class Signer:
    """A certificate chain and a way to sign with its key.

    Attributes:
        chain: PEM certificates, leaf first.
        algorithm: COSE name: "ES256", "ES384", "ES512", "PS256" or "Ed25519".
        sign: bytes → signature (ECDSA as DER or r‖s).
        origin: "local", "user" or "callback".
    """

    chain: str
    algorithm: str
    sign: Callable[[bytes], bytes]
    origin: str = "callback"

    @property
    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.chain.encode())


def default_signer() -> Signer:
    """The identity that the variables name, else the imported one, else the local signer.

    Raises:
        RefusedError: "sign_failed" if the identity cannot be used, "key_exposed" if others can read its key.
    """
    if named := os.environ.get("FACEWRIGHT_SIGNER"):
        return callback_signer(named)
    certificate, key = os.environ.get("FACEWRIGHT_SIGN_CERT"), os.environ.get("FACEWRIGHT_SIGN_KEY")
    if bool(certificate) != bool(key):
        raise RefusedError(
            "sign_failed",
            f"Only {'FACEWRIGHT_SIGN_CERT' if certificate else 'FACEWRIGHT_SIGN_KEY'} is set.",
            "Set both FACEWRIGHT_SIGN_CERT and FACEWRIGHT_SIGN_KEY, or neither.",
        )
    if certificate and key:
        return file_signer(certificate, key, keyfile.passphrase())
    if (identity := key_folder() / "identity.pem").exists():
        return file_signer(identity, identity, keyfile.passphrase())
    return local_signer()


def callback_signer(name: str) -> Signer:
    """The signer of an installed package.

    Raises:
        RefusedError: "sign_failed" if there is none of this name or it fails.
    """
    found = {point.name: point for point in entry_points(group=SIGNERS)}
    if name not in found:
        there = f"There are: {', '.join(sorted(found))}." if found else "None is installed."
        raise RefusedError("sign_failed", f"No installed package offers the signer {name!r}. {there}")
    try:
        signer = found[name].load()()
        if not isinstance(signer, Signer):
            raise TypeError(f"it returned {type(signer).__name__}, not a Signer")
        if signer.leaf.not_valid_after_utc < datetime.now(UTC):
            raise ValueError("its certificate has expired")
    except FacewrightError:
        raise
    except Exception as error:  # whatever somebody else's code raises
        raise RefusedError("sign_failed", f"The signer {name!r} cannot be used: {error}.") from error
    return signer


def file_signer(certificate: str | Path, key: str | Path, passphrase: bytes | None = None) -> Signer:
    """A signer from a user's PEM chain and private key, which may stand in one file.

    Raises:
        RefusedError: "sign_failed" or "key_exposed", see `default_signer`.
    """
    try:
        chain = certificates_in(Path(certificate).expanduser().read_text())
        leaf = x509.load_pem_x509_certificate(chain.encode())
    except (OSError, ValueError) as error:
        raise RefusedError("sign_failed", f"Cannot use the certificate {certificate}: {error}.") from error
    private = keyfile.load(Path(key).expanduser(), passphrase)
    if public_bytes(private.public_key()) != public_bytes(leaf.public_key()):
        raise RefusedError("sign_failed", f"The key {key} does not belong to the first certificate of {certificate}.")
    if (left := leaf.not_valid_after_utc - datetime.now(UTC)) < timedelta():
        raise RefusedError(
            "sign_failed",
            f"The certificate {certificate} expired on {leaf.not_valid_after_utc:%Y-%m-%d}.",
            "Ask its authority for a new one; see: facewright keys request",
        )
    if left < timedelta(days=RENEW_DAYS):
        _LOG.warning("the certificate %s expires in %d days; see: facewright keys request", certificate, left.days)
    return _signer(chain, private, "user")


def local_signer(folder: Path | None = None, *, rotate: bool = False) -> Signer:
    """The signer of this installation, made on first use and renewed before its leaf expires.

    Two processes that come first at once agree on one signer.

    Args:
        folder: of the keys.
        rotate: make a new key and leaf even if the old ones last.

    Raises:
        RefusedError: "key_exposed" if others can read a key file, "sign_failed" if one is damaged or its pass phrase
            is missing.
        MachineError: "read_only" if the key folder cannot be written.
    """
    folder = folder or key_folder()
    bundle, phrase = folder / "local-signer.pem", keyfile.passphrase()
    try:
        with locked(folder):
            for secret in (folder / "local-ca.key", bundle):
                if secret.exists():
                    keyfile.refuse_exposed(secret)
            renew(bundle, phrase, now=rotate)
    except ValueError as error:
        raise RefusedError(
            "sign_failed", f"A file in {folder} is damaged: {error}.", "Delete the folder; the next run makes new keys."
        ) from error
    return _signer(certificates_in(bundle.read_text()), keyfile.load(bundle, phrase), "local")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The key folder, made if need be, for one process at a time.

    Raises:
        MachineError: "read_only" if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        with open(folder / ".lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise MachineError(
            "read_only",
            f"Cannot keep the local signing key in {folder}: {error.strerror or error}.",
            "Point FACEWRIGHT_HOME at a folder you can write.",
        ) from error


def key_folder() -> Path:
    """Where this installation keeps its keys."""
    return home() / "keys"


def local_ca_certificate(folder: Path | None = None) -> Path:
    """The certificate to hand to those who shall trust this installation (`verify --trust`)."""
    return (folder or key_folder()) / "local-ca.crt"


def certificates_in(text: str) -> str:
    """The certificates of a PEM file that may begin with a key.

    Raises:
        ValueError: there is none.
    """
    return text[text.index("-----BEGIN CERTIFICATE") :]


def _signer(chain: str, key, origin: str) -> Signer:
    match key:
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return Signer(chain, "ES256", lambda data: key.sign(data, ec.ECDSA(hashes.SHA256())), origin)
        case ec.EllipticCurvePrivateKey(curve=ec.SECP384R1()):
            return Signer(chain, "ES384", lambda data: key.sign(data, ec.ECDSA(hashes.SHA384())), origin)
        case ec.EllipticCurvePrivateKey(curve=ec.SECP521R1()):
            return Signer(chain, "ES512", lambda data: key.sign(data, ec.ECDSA(hashes.SHA512())), origin)
        case ed25519.Ed25519PrivateKey():
            return Signer(chain, "Ed25519", key.sign, origin)
        case rsa.RSAPrivateKey():
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            return Signer(chain, "PS256", lambda data: key.sign(data, pss, hashes.SHA256()), origin)
    raise RefusedError(
        "sign_failed", f"A key of the kind {type(key).__name__} cannot sign C2PA claims.", "Use EC P-256."
    )
