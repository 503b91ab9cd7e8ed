"""Who signed, read from a manifest store without c2pa: its boxes, the CBOR in them, the certificates.

Only what checking for revocation needs. JUMBF: ISO/IEC 19566-5; CBOR: RFC 8949; COSE: RFC 9052; x5chain: RFC 9360.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

from cryptography import x509

from .trust import BAD_CERTIFICATE, TrustList

DEEPEST = 32  # levels of boxes or CBOR; hostile files nest
X5CHAIN, PADDING = (33, "x5chain"), ("pad", "pad2")


def signing_chain(store: bytes, label: str) -> list[x509.Certificate]:
    """The certificates in the signature of the manifest `label`, leaf first.

    Raises:
        ValueError: the store cannot be read, or has no such signature.
    """
    try:
        protected, unprotected, *_ = _signature(store, label)
        headers = {**unprotected, **(decoded(protected) if protected else {})}
        chain = next(headers[key] for key in X5CHAIN if key in headers)
        return [x509.load_der_x509_certificate(der) for der in ([chain] if isinstance(chain, bytes) else chain)]
    except (StopIteration, KeyError, IndexError, RecursionError, struct.error, *BAD_CERTIFICATE) as error:
        raise ValueError(f"no signature of {label} can be read") from error


def stuffed_padding(store: bytes, label: str) -> int:
    """Bytes that are not zero in the padding of a signature, which no signature covers; 0 where it cannot be read."""
    try:
        unprotected = _signature(store, label)[1]
        return sum(len(value) - value.count(0) for key, value in unprotected.items() if key in PADDING)
    except (StopIteration, KeyError, IndexError, AttributeError, RecursionError, struct.error, *BAD_CERTIFICATE):
        return 0


def _signature(store: bytes, label: str) -> list[Any]:
    """The COSE_Sign1 of a manifest: protected and unprotected headers, payload, signature."""
    return decoded(next(body for path, body in boxes(store) if path[-2:] == (label, "c2pa.signature")))


def trust_of(store: bytes, label: str, lists: Iterable[TrustList]) -> TrustList | None:
    """The list that the signature of `label` leads to: an anchor on it issued a certificate of the chain, or is one.

    Dates are not looked at: whether a certificate that has expired was valid then is for the time-stamp to say.
    """
    try:
        chain = signing_chain(store, label)
    except ValueError:
        return None
    links = 1  # how much of the chain holds together: each certificate issued by the next, which is an authority
    while links < len(chain) and issued(chain[links - 1], chain[links]):
        links += 1
    for each in lists:
        for certificate in chain[:links]:
            if any(certificate == anchor or issued(certificate, anchor) for anchor in each.certificates):
                return each
    return None


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except BAD_CERTIFICATE:
        return False
    return True


def boxes(data: bytes, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Each content box: the labels of the superboxes around it, and its bytes.

    Raises:
        ValueError: sizes that cannot be.
    """
    at, label = 0, ""
    if len(path) > DEEPEST:
        raise ValueError("boxes are nested too deeply")
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise ValueError("a box does not fit into its parent")
        body = data[at + 8 : at + size]
        if kind == b"jumb":
            yield from boxes(body, (*path, label) if label else path)
        elif kind == b"jumd":
            label = body[17:].split(b"\0")[0].decode("utf-8", "replace") if len(body) > 17 and body[16] & 2 else ""
        else:
            yield ((*path, label) if label else path), body
        at += size


def decoded(data: bytes) -> Any:
    """One CBOR item with definite lengths; tags are passed over.

    Raises:
        ValueError, IndexError, struct.error: it is none.
    """
    return _item(data, 0, 0)[0]


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > DEEPEST:
        raise ValueError("CBOR is nested too deeply")
    major, short = data[at] >> 5, data[at] & 31
    at += 1
    value = short
    if 24 <= short <= 27:
        width = 1 << (short - 24)
        value, at = int.from_bytes(data[at : at + width], "big"), at + width
    elif short > 27:
        raise ValueError("indefinite lengths are not used in C2PA signatures")
    if major in (2, 3):
        if at + value > len(data):
            raise ValueError("a string is longer than its data")
        raw = data[at : at + value]
        return (raw if major == 2 else raw.decode()), at + value
    if major in (4, 5):
        if value > len(data):
            raise ValueError("more items than bytes")
        items = []
        for _ in range(value * (major - 3)):
            item, at = _item(data, at, depth + 1)
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2], strict=True))), at
    if major == 6:
        return _item(data, at, depth + 1)
    if major == 7:
        return {20: False, 21: True}.get(short), at
    return (value if major == 0 else -1 - value), at
