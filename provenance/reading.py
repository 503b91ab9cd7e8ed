"""What a file's C2PA manifest says and whether it holds: the facts, before any verdict."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import c2pa
from cryptography import x509

from ..core.errors import UsageError
from . import softbinding
from .boxes import is_bmff, manifest_span, unsigned_bytes
from .manifest import GENERATION, OFFLINE
from .record import AI_SOURCE_TYPES

UNTRUSTED, EXPIRED = "signingCredential.untrusted", "signingCredential.expired"
_REVOKED = {"signingCredential.revoked", "signingCredential.ocsp.revoked"}
_BYTES_CHANGED = {"assertion.bmffHash.mismatch", "assertion.dataHash.mismatch", "assertion.boxesHash.mismatch"}
_PURPOSES = "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"  # e-mail, document and claim signing

_ERRORS: Any = c2pa.C2paError  # its kinds are attributes that a type checker does not see


@dataclass(frozen=True)
class TrustList:
    """Certificates whose signatures are trusted.

    Attributes:
        pem: the certificates.
        name: where they came from.
        date: of the file, ISO 8601 (a PEM list carries no date of its own).
        count: how many.
    """

    pem: str
    name: str
    date: str
    count: int

    @classmethod
    def load(cls, path: str | Path) -> TrustList:
        """From a PEM file.

        Raises:
            UsageError: "trust_list" if it cannot be read or holds no certificate.
        """
        path = Path(path).expanduser()
        try:
            pem = path.read_text()
            count = len(x509.load_pem_x509_certificates(pem.encode()))
        except (OSError, ValueError) as error:
            raise UsageError(
                "trust_list", f"Cannot use the trust list {path}: {error}.", "Give a file of PEM certificates."
            ) from error
        date = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
        return cls(pem, path.name, date, count)


@dataclass(frozen=True)
class ManifestReading:
    """The manifest of a file.

    Attributes:
        checked: False if C2PA cannot look into this kind of file.
        present: a manifest is there.
        valid: signature, assertions and bytes agree; an unknown or expired certificate alone does not hurt.
        trusted: `valid`, and the certificate leads to the trust list.
        expired, revoked: the certificate.
        bytes_changed: the media is not what was signed.
        failures: C2PA status codes of what failed, `signingCredential.untrusted` among them.
        signer, issuer: names in the certificate; claims, unless trusted.
        algorithm: COSE name of the signature's algorithm.
        time: of a trusted time-stamp, or None.
        label: of the active manifest.
        generation: our own assertion in the active manifest, or None.
        record_ids: what the active manifest says the watermark holds; more than one contradict each other.
        ingredient_ids: the same of the manifests it was made from.
        source_types: digital source types of all actions in the store.
        unsigned: bytes in boxes that no hash covers, by kind.
        remote: URL of a manifest kept elsewhere (never fetched).
        problem: words of the reader that gave up, or "".
    """

    checked: bool = True
    present: bool = False
    valid: bool = False
    trusted: bool = False
    expired: bool = False
    revoked: bool = False
    bytes_changed: bool = False
    failures: tuple[str, ...] = ()
    signer: str | None = None
    issuer: str | None = None
    algorithm: str | None = None
    time: str | None = None
    label: str | None = None
    generation: Mapping[str, Any] | None = None
    record_ids: frozenset[str] = frozenset()
    ingredient_ids: frozenset[str] = frozenset()
    source_types: frozenset[str] = frozenset()
    unsigned: Mapping[str, int] = field(default_factory=dict)
    remote: str | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        """Whether the manifest itself holds, whatever media it is held against."""
        return self.present and not self.problem and set(self.failures) <= {UNTRUSTED, EXPIRED, *_BYTES_CHANGED}

    @property
    def says_ai(self) -> bool:
        """Whether any signed action names trained algorithms as the source."""
        return any(source in AI_SOURCE_TYPES for source in self.source_types)


def read_manifest(source: str | Path | BinaryIO | bytes, *, trust: TrustList | None = None) -> ManifestReading:
    """Read and validate, offline.

    Args:
        source: a media file, an open one, or the bytes of a manifest store by itself (then there is no media to hold
            it against, and `bytes_changed` is true).
        trust: certificates to trust.

    Never raises for what the file contains; OSError if it cannot be read.
    """
    if isinstance(source, (str, Path)):
        with open(source, "rb") as file:
            return read_manifest(file, trust=trust)
    alone = isinstance(source, bytes)
    source = io.BytesIO(source) if isinstance(source, bytes) else source
    settings: dict[str, Any] = {**OFFLINE}
    if trust:
        settings["trust"] = {"trust_anchors": trust.pem, "trust_config": "\n".join(_PURPOSES)}
        settings["verify"] = {**OFFLINE["verify"], "verify_trust": True}
    container = is_bmff(source)
    embedded = container and manifest_span(source) is not None
    source.seek(0)
    try:
        with c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader.try_create("application/c2pa" if alone else None, source, context=context)
            if reader is None:
                return ManifestReading()
            with reader:
                state, report = reader.get_validation_state(), json.loads(reader.crjson())
    except _ERRORS.NotSupported:
        return ManifestReading(checked=False)
    except _ERRORS.RemoteManifest as error:
        return ManifestReading(remote=str(error))
    except (c2pa.C2paError, ValueError, UnicodeError) as error:
        return ManifestReading(present=embedded, problem=str(error), checked=container)
    return _reading(state or "Invalid", report, unsigned_bytes(source) if container else {})


def _reading(state: str, report: dict[str, Any], unsigned: dict[str, int]) -> ManifestReading:
    """From crJSON, whose first manifest is the active one."""
    active, *others = report["manifests"]
    results = [active.get("validationResults", {})]
    results += [delta.get("validationDeltas", {}) for delta in active.get("ingredientDeltas", [])]
    failures = {entry["code"] for result in results for entry in result.get("failure", [])}
    expired = EXPIRED in failures
    valid = state in ("Valid", "Trusted") or (expired and failures <= {UNTRUSTED, EXPIRED})
    signature = active.get("signature", {})
    names = signature.get("certificateInfo", {})
    ids = _record_ids(active)
    return ManifestReading(
        present=True,
        valid=valid,
        trusted=state == "Trusted",
        expired=expired,
        revoked=bool(failures & _REVOKED),
        bytes_changed=bool(failures & _BYTES_CHANGED),
        failures=tuple(sorted(failures)),
        signer=_common_name(names.get("subject")),
        issuer=_common_name(names.get("issuer")),
        algorithm=signature.get("algorithm"),
        time=signature.get("timeStampInfo", {}).get("timestamp"),
        label=active.get("label"),
        generation=_assertions(active).get(GENERATION),
        record_ids=ids,
        ingredient_ids=frozenset().union(*map(_record_ids, others)),
        source_types=frozenset(_source_types(report["manifests"])),
        unsigned=unsigned,
    )


def _source_types(manifests: list[dict[str, Any]]) -> Iterator[str]:
    for manifest in manifests:
        for assertion in _assertions(manifest).values():
            actions = assertion.get("actions")
            for action in actions if isinstance(actions, list) else []:
                if isinstance(action, dict) and isinstance(named := action.get("digitalSourceType"), str):
                    yield named


def _assertions(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = manifest.get("assertions") or {}
    return {label: data for label, data in found.items() if isinstance(data, dict)}


def _record_ids(manifest: dict[str, Any]) -> frozenset[str]:
    """What our soft bindings and our own assertion name: one id, unless the manifest contradicts itself."""
    named = _assertions(manifest).get(GENERATION, {}).get("record_id")
    ids = {named} if isinstance(named, str) else set()
    for label, data in _assertions(manifest).items():
        if label.split("__")[0] == softbinding.LABEL:
            ids |= set(softbinding.record_ids(data))
    return frozenset(ids)


def _common_name(names: Mapping[str, Any] | None) -> str | None:
    names = names or {}
    return names.get("CN") or names.get("O")
