"""Who signs: a local certificate made on first use, a user's certificate chain, or a callback to a key service.

The local signer says only "this installation made it": nobody vouches for its name, so verification elsewhere calls it
untrusted, and so do we. Its files stand in `FACEWRIGHT_HOME/keys` (0700):

    local-ca.key, local-ca.crt    an authority of this installation; give the .crt to whoever shall trust it
    local-signer.pem              key, leaf and CA certificate in one file: no crash leaves a pair that does not fit

A user's own identity: `FACEWRIGHT_SIGN_CERT` (PEM, leaf first) and `FACEWRIGHT_SIGN_KEY` (PEM, PKCS#8; its pass phrase
in `FACEWRIGHT_SIGN_PASSPHRASE` or in the file that `FACEWRIGHT_SIGN_PASSPHRASE_FILE` names). A key that never enters
this process (KMS, HSM): build a `Signer` with your own `sign` and hand it to `seal`.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from ..core.errors import MachineError, RefusedError
from ..core.paths import home
from .certificates import public_bytes, renew


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
    """The user's identity if the variables name one, else the local signer.

    Raises:
        RefusedError: "sign_failed" if the identity cannot be used, "key_exposed" if others can read its key.
    """
    certificate, key = os.environ.get("FACEWRIGHT_SIGN_CERT"), os.environ.get("FACEWRIGHT_SIGN_KEY")
    if bool(certificate) != bool(key):
        raise RefusedError(
            "sign_failed",
            f"Only {'FACEWRIGHT_SIGN_CERT' if certificate else 'FACEWRIGHT_SIGN_KEY'} is set.",
            "Set both FACEWRIGHT_SIGN_CERT and FACEWRIGHT_SIGN_KEY, or neither.",
        )
    if certificate and key:
        return file_signer(certificate, key, _passphrase())
    return local_signer()


def file_signer(certificate: str | Path, key: str | Path, passphrase: bytes | None = None) -> Signer:
    """A signer from a user's PEM chain and private key.

    Raises:
        RefusedError: "sign_failed" or "key_exposed", see `default_signer`.
    """
    try:
        chain = Path(certificate).expanduser().read_text()
        leaf = x509.load_pem_x509_certificate(chain.encode())
    except (OSError, ValueError) as error:
        raise RefusedError("sign_failed", f"Cannot use the certificate {certificate}: {error}.") from error
    private = _load_key(Path(key).expanduser(), passphrase)
    if public_bytes(private.public_key()) != public_bytes(leaf.public_key()):
        raise RefusedError("sign_failed", f"The key {key} does not belong to the first certificate of {certificate}.")
    if leaf.not_valid_after_utc < datetime.now(UTC):
        raise RefusedError(
            "sign_failed", f"The certificate {certificate} expired on {leaf.not_valid_after_utc:%Y-%m-%d}."
        )
    return _signer(chain, private, "user")


def local_signer(folder: Path | None = None) -> Signer:
    """The signer of this installation, made on first use and renewed before its leaf expires.

    Two processes that come first at once agree on one signer.

    Raises:
        RefusedError: "key_exposed" if others can read a key file.
        MachineError: "read_only" if the key folder cannot be written.
    """
    folder = folder or home() / "keys"
    bundle = folder / "local-signer.pem"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        with open(folder / ".lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for secret in (folder / "local-ca.key", bundle):
                if secret.exists():
                    _refuse_exposed(secret)
            renew(bundle)
    except ValueError as error:
        raise RefusedError(
            "sign_failed", f"A file in {folder} is damaged: {error}.", "Delete the folder; the next run makes new keys."
        ) from error
    except OSError as error:
        raise MachineError(
            "read_only",
            f"Cannot keep the local signing key in {folder}: {error.strerror or error}.",
            "Point FACEWRIGHT_HOME at a folder you can write.",
        ) from error
    text = bundle.read_text()
    return _signer(text[text.index("-----BEGIN CERTIFICATE") :], _load_key(bundle, None), "local")


def local_ca_certificate(folder: Path | None = None) -> Path:
    """The certificate to hand to those who shall trust this installation (`verify --trust`)."""
    return (folder or home() / "keys") / "local-ca.crt"


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


def _load_key(path: Path, passphrase: bytes | None):
    _refuse_exposed(path)
    try:
        return serialization.load_pem_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RefusedError(
            "sign_failed",
            f"Cannot use the private key {path}: {error}.",
            "An encrypted key needs FACEWRIGHT_SIGN_PASSPHRASE or FACEWRIGHT_SIGN_PASSPHRASE_FILE.",
        ) from error


def _passphrase() -> bytes | None:
    if named := os.environ.get("FACEWRIGHT_SIGN_PASSPHRASE_FILE"):
        _refuse_exposed(Path(named))
        try:
            return Path(named).read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise RefusedError("sign_failed", f"Cannot read the pass phrase file {named}: {error.strerror}.") from error
    phrase = os.environ.get("FACEWRIGHT_SIGN_PASSPHRASE")
    return phrase.encode() if phrase else None


def _refuse_exposed(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise RefusedError("sign_failed", f"Cannot read {path}: {error.strerror}.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RefusedError(
            "key_exposed",
            f"{path} can be read by others (mode {stat.S_IMODE(mode):04o}), so nothing is signed with it.",
            f"Run: chmod 600 '{path}'. If others may have read it, make a new key.",
        )
