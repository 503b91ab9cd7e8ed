"""Whether a signing certificate was revoked: by OCSP (RFC 6960) or by a list (CRL, RFC 5280), and only when asked.

An answer counts if it is signed by the authority that issued the certificate, or by a responder that the authority
appointed, and is about this certificate and this day. Without one the state is "unknown", never "good".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from ..core.errors import InputError, UsageError
from ..core.fetching import fetch
from .signature import issued
from .trust import BAD_CERTIFICATE

GOOD, REVOKED, UNKNOWN, NOT_CHECKED = "good", "revoked", "unknown", "not checked"
SKEW = timedelta(minutes=5)
OCSP_LIMIT, CRL_LIMIT = 64 << 10, 32 << 20
_COMPROMISED = {"keyCompromise", "cACompromise", "aACompromise"}  # then every signature is in doubt, also earlier ones
_OCSP_REQUEST = "application/ocsp-request"


@dataclass(frozen=True)
class Enquiry:
    """What a user allows to find out.

    Attributes:
        ask: ask the responders and lists that the certificates name; public addresses only.
        responder: URL of an OCSP responder that the user names, of any address.
        lists: files of CRLs, PEM or DER.
    """

    ask: bool = False
    responder: str | None = None
    lists: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ask or self.responder or self.lists)


ASK_NOBODY = Enquiry()


@dataclass(frozen=True)
class Revocation:
    """What was found out.

    Attributes:
        state: `GOOD`, `REVOKED`, `UNKNOWN` or `NOT_CHECKED`.
        source: who said so.
        said: when they said it, ISO 8601.
        since: since when it is revoked, ISO 8601.
        reason: why it is revoked, or why nothing is known.
    """

    state: str = NOT_CHECKED
    source: str = ""
    said: str | None = None
    since: str | None = None
    reason: str = ""

    def after(self, stamp: str | None) -> bool:
        """Whether a trusted time-stamp shows that the signature is older than the revocation and not touched by it."""
        return bool(stamp and self.since and stamp < self.since and self.reason not in _COMPROMISED)


def check(chain: Sequence[x509.Certificate], anchors: Iterable[x509.Certificate], enquiry: Enquiry) -> Revocation:
    """The worst that is known of any certificate of a chain below its anchor.

    Args:
        chain: leaf first.
        anchors: of the trust list; the issuer of the last certificate is looked for among them.

    Raises:
        UsageError: "bad_crl" if a file that the user named is none.
    """
    lists = [_load_list(path) for path in enquiry.lists]
    known = [*chain[1:], *anchors]
    found = []
    for certificate in chain:
        issuer = next((each for each in known if issued(certificate, each)), None)
        if issuer is not None and certificate != issuer:
            found.append(_one(certificate, issuer, enquiry, lists))
    if not found:
        return Revocation(UNKNOWN, reason="the certificate of its issuer is not at hand")
    return next((each for each in found if each.state == REVOKED), found[0])


def _one(certificate: x509.Certificate, issuer: x509.Certificate, enquiry: Enquiry, lists: list[Any]) -> Revocation:
    answers = [_by_list(certificate, issuer, crl, name) for crl, name in lists]
    private = [enquiry.responder] if enquiry.responder else []
    responders, points = _named(certificate) if enquiry.ask else ([], [])
    for url in (*private, *responders):
        answers.append(_asked(certificate, issuer, url, private=url in private))
    if not any(each.state in (GOOD, REVOKED) for each in answers):
        answers += [_fetched(certificate, issuer, url) for url in points]
    for state in (REVOKED, GOOD):
        if said := next((each for each in answers if each.state == state), None):
            return said
    return answers[0] if answers else Revocation(UNKNOWN, reason="the certificate names nobody to ask")


def _named(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """URLs of responders and of lists in a certificate."""
    responders, points = [], []
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.AuthorityInformationAccess):
            responders += [
                item.access_location.value
                for item in extension.value
                if item.access_method == AuthorityInformationAccessOID.OCSP
                and isinstance(item.access_location, x509.UniformResourceIdentifier)
            ]
        elif isinstance(extension.value, x509.CRLDistributionPoints):
            names = [name for point in extension.value for name in point.full_name or ()]
            points += [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return responders[:2], points[:2]


def _asked(certificate: x509.Certificate, issuer: x509.Certificate, url: str, *, private: bool) -> Revocation:
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # RFC 5019 §2.1.1
    body = request.public_bytes(serialization.Encoding.DER)
    try:
        data = fetch(url, body=body, content_type=_OCSP_REQUEST, private=private, limit=OCSP_LIMIT)
        answer = ocsp.load_der_ocsp_response(data)
        if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Revocation(UNKNOWN, url, reason=f"the responder answers {answer.response_status.name.lower()}")
        if (answer.serial_number, answer.issuer_key_hash) != (request.serial_number, request.issuer_key_hash):
            return Revocation(UNKNOWN, url, reason="the answer is about another certificate")
        _verify_answer(answer, issuer)
    except (InputError, *BAD_CERTIFICATE) as error:
        return Revocation(UNKNOWN, url, reason=str(error) or "the answer is not signed by the issuer")
    said, until = answer.this_update_utc, answer.next_update_utc
    now = datetime.now(UTC)
    if said > now + SKEW or (until or said + timedelta(days=1)) < now - SKEW:
        return Revocation(UNKNOWN, url, _iso(said), reason="the answer is not of today")
    if answer.certificate_status == ocsp.OCSPCertStatus.REVOKED:
        reason = answer.revocation_reason.value if answer.revocation_reason else "unspecified"
        return Revocation(REVOKED, url, _iso(said), _iso(answer.revocation_time_utc), reason)
    if answer.certificate_status == ocsp.OCSPCertStatus.GOOD:
        return Revocation(GOOD, url, _iso(said))
    return Revocation(UNKNOWN, url, _iso(said), reason="the responder does not know the certificate")


def _verify_answer(answer: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    """Signed by the issuer, or by a certificate of its own for this purpose (RFC 6960 §4.2.2.2)."""
    signers = [issuer]
    for each in answer.certificates:
        purposes = [ext.value for ext in each.extensions if isinstance(ext.value, x509.ExtendedKeyUsage)]
        appointed = any(ExtendedKeyUsageOID.OCSP_SIGNING in purpose for purpose in purposes)
        if (
            appointed
            and issued(each, issuer)
            and each.not_valid_before_utc <= datetime.now(UTC) <= each.not_valid_after_utc
        ):
            signers.append(each)
    for signer in signers:
        try:
            return _verify(signer.public_key(), answer.signature, answer.tbs_response_bytes, answer)
        except InvalidSignature:
            continue
    raise InvalidSignature("the answer is not signed by the issuer")


def _verify(key: Any, signature: bytes, data: bytes, signed: Any) -> None:
    match key:
        case ec.EllipticCurvePublicKey():
            key.verify(signature, data, ec.ECDSA(signed.signature_hash_algorithm))
        case rsa.RSAPublicKey():
            key.verify(signature, data, padding.PKCS1v15(), signed.signature_hash_algorithm)
        case ed25519.Ed25519PublicKey():
            key.verify(signature, data)
        case _:
            raise InvalidSignature("the answer is signed with a key of an unknown kind")


def _fetched(certificate: x509.Certificate, issuer: x509.Certificate, url: str) -> Revocation:
    try:
        return _by_list(certificate, issuer, _parse_list(fetch(url, limit=CRL_LIMIT)), url)
    except (InputError, *BAD_CERTIFICATE) as error:
        return Revocation(UNKNOWN, url, reason=str(error))


def _by_list(
    certificate: x509.Certificate, issuer: x509.Certificate, crl: x509.CertificateRevocationList, name: str
) -> Revocation:
    try:
        fits = crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except BAD_CERTIFICATE:
        fits = False
    said = _iso(crl.last_update_utc)
    if not fits:
        return Revocation(UNKNOWN, name, said, reason="the list is of another authority")
    if crl.next_update_utc is not None and crl.next_update_utc < datetime.now(UTC) - SKEW:
        return Revocation(UNKNOWN, name, said, reason="the list is out of date")
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return Revocation(GOOD, name, said)
    reasons = [ext.value.reason.value for ext in entry.extensions if isinstance(ext.value, x509.CRLReason)]
    return Revocation(REVOKED, name, said, _iso(entry.revocation_date_utc), reasons[0] if reasons else "unspecified")


def _load_list(path: Path) -> tuple[x509.CertificateRevocationList, str]:
    try:
        return _parse_list(path.read_bytes()), path.name
    except (OSError, *BAD_CERTIFICATE) as error:
        raise UsageError("bad_crl", f"Cannot use the revocation list {path}: {error}.", "Give a CRL.") from error


def _parse_list(data: bytes) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(data) if data.startswith(b"-----") else x509.load_der_x509_crl(data)


def _iso(time: datetime | None) -> str | None:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
