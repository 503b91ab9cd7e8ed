"""The local certificates: an authority of this installation and the leaf that signs, made on first use and renewed.

Nobody outside vouches for them, and their names say so. Also the request that an outside authority answers.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from . import keyfile

C2PA_CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
LEAF_DAYS, CA_DAYS, RENEW_DAYS = 90, 3650, 14  # a leaf of 90 days: assurance level 2 of the C2PA certificate policy
UNTRUSTED = "facewright local signer (untrusted)"


def renew(bundle: Path, phrase: bytes | None = None, *, now: bool = False) -> None:
    """Make `bundle` (key, leaf and CA certificate in one PEM file) unless it lasts for a while yet.

    The authority stands beside it in `local-ca.key` and `local-ca.crt`. Call it under a lock. The certificate that was
    there goes to `retired`, without its key.

    Args:
        phrase: the keys' pass phrase; None writes them plain.
        now: whether it lasts or not.

    Raises:
        OSError: the folder cannot be written.
        ValueError: a file there is no certificate or no key.
        RefusedError: the authority's key cannot be used.
    """
    if bundle.exists():
        leaf = x509.load_pem_x509_certificate(bundle.read_bytes())
        long = leaf.not_valid_after_utc - leaf.not_valid_before_utc > timedelta(days=LEAF_DAYS)
        if not now and not long and _lasts(leaf, RENEW_DAYS):
            return
        retire(bundle)
    keyfile.write(bundle, _bundle(*_authority(bundle.parent, phrase), phrase))


def retire(bundle: Path) -> None:
    """Keep the certificate of a bundle, not its key, in the folder `retired` beside it."""
    leaf = x509.load_pem_x509_certificate(bundle.read_bytes())
    folder = bundle.parent / "retired"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{leaf.not_valid_before_utc:%Y%m%dT%H%M%SZ}-{leaf.serial_number:x}.crt"
    keyfile.write(path, leaf.public_bytes(serialization.Encoding.PEM), mode=0o644)


def signing_request(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate signing request for C2PA claims (PKCS#10, PEM)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(_key_usage("digital_signature"), critical=True)
    usages = x509.ExtendedKeyUsage([C2PA_CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION])
    request = builder.add_extension(usages, critical=False).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def public_bytes(key: Any) -> bytes:
    """DER of a public key, for comparing."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _lasts(certificate: x509.Certificate, days: int) -> bool:
    return certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=days)


def _authority(folder: Path, phrase: bytes | None = None) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate, key = folder / "local-ca.crt", folder / "local-ca.key"
    if certificate.exists() and key.exists():
        ca = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = keyfile.load(key, phrase)
        fits = public_bytes(private.public_key()) == public_bytes(ca.public_key())  # a crash between the two files
        if fits and isinstance(private, ec.EllipticCurvePrivateKey) and _lasts(ca, LEAF_DAYS):
            return ca, private
    private = ec.generate_private_key(ec.SECP256R1())
    tag = hashlib.sha256(public_bytes(private.public_key())).hexdigest()[:8]
    name = _name(f"facewright local CA {tag} (untrusted)")  # one name a key: chains of two installations never mix
    ca = (
        _certificate(name, name, private.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(private, hashes.SHA256())
    )
    keyfile.write(key, keyfile.pem(private, phrase))
    keyfile.write(certificate, ca.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return ca, private


def _bundle(ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, phrase: bytes | None) -> bytes:
    """A new key, its leaf and the CA certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _leaf(UNTRUSTED, ca, ca_key, key.public_key(), LEAF_DAYS)
    pem = serialization.Encoding.PEM
    return keyfile.pem(key, phrase) + leaf.public_bytes(pem) + ca.public_bytes(pem)


def _leaf(
    name: str, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, public_key: Any, days: float
) -> x509.Certificate:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, C2PA_CLAIM_SIGNING])
    return (
        _certificate(_name(name), ca.subject, public_key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage("digital_signature", "content_commitment"), critical=True)
        .add_extension(usages, critical=False)  # emailProtection: what older C2PA validators accept
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _certificate(subject: x509.Name, issuer: x509.Name, public_key: Any, days: float) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(hours=1)  # clocks of other machines
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    names = (NameOID.ORGANIZATION_NAME, "facewright, self-signed"), (NameOID.COMMON_NAME, common_name)
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in names])


def _key_usage(*granted: str) -> x509.KeyUsage:
    bits = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    )
    return x509.KeyUsage(**{bit: bit in granted for bit in bits.split()}, encipher_only=False, decipher_only=False)
