"""What a file's C2PA manifest says and whether it holds: the facts, before any verdict.

A manifest may stand in the file, or beside it in a sidecar (`clip.c2pa` or `clip.mkv.c2pa`). A later update manifest,
which only adds a time-stamp or the like, is looked through: signer and content are those of what it updates.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

from . import softbinding
from .boxes import embedded_manifest, is_bmff, manifest_span, unsigned_bytes, update_manifest
from .manifest import GENERATION, OFFLINE
from .record import AI_SOURCE_TYPES
from .revocation import GOOD, REVOKED, Revocation
from .sidecar import beside, fits
from .signature import stuffed_padding, trust_of
from .trust import SIGNERS, TIMES, TrustList

UNTRUSTED, EXPIRED = "signingCredential.untrusted", "signingCredential.expired"
_REVOKED = {"signingCredential.revoked", "signingCredential.ocsp.revoked"}
_NOT_REVOKED = "signingCredential.ocsp.notRevoked"
_BYTES_CHANGED = {"assertion.bmffHash.mismatch", "assertion.dataHash.mismatch", "assertion.boxesHash.mismatch"}
_LIST = re.compile(r"urn:sha256:[0-9a-f]{64}")  # how c2pa's explanations name one of our lists

_ERRORS: Any = c2pa.C2paError  # its kinds are attributes that a type checker does not see


@dataclass(frozen=True)
class ManifestReading:
    """The manifest of a file.

    Attributes:
        checked: False if C2PA cannot look into this kind of file.
        present: a manifest is there.
        valid: signature, assertions and bytes agree; an unknown or expired certificate alone does not hurt.
        trusted: `valid`, and the certificate leads to the trust list.
        lapsed: the certificate has expired by now.
        expired: it has, and no trusted time-stamp shows that the signature is older.
        revocation: what an answer inside the manifest says of it, or None.
        bytes_changed: the media is not what was signed.
        failures: C2PA status codes of what failed, `signingCredential.untrusted` among them.
        signer, issuer: names in the certificate; claims, unless trusted.
        algorithm: COSE name of the signature's algorithm.
        time: of a trusted time-stamp, or None.
        stamp: of any time-stamp: "time", "authority", "trusted".
        trust_list, time_list: the lists that the signature and the time-stamp lead to.
        label: of the manifest about the content.
        updated_by: who signed update manifests over it, latest first.
        store: the manifest store that holds it, `application/c2pa`.
        sidecar: name of the file beside the media that holds the manifest, or "".
        generation: our own assertion in it, or None.
        record_ids: what it says the watermark holds; more than one contradict each other.
        sound_ids: what it says the watermark in the sound holds.
        ingredient_ids: the same of the manifests it was made from.
        source_types: digital source types of all actions in the store.
        unsigned: bytes in boxes that no hash covers, by kind.
        remote: URL of a manifest kept elsewhere (never fetched).
        problem: words of the reader that gave up, or "".
        report: c2pa's own, as crJSON.
    """

    checked: bool = True
    present: bool = False
    valid: bool = False
    trusted: bool = False
    lapsed: bool = False
    expired: bool = False
    revocation: Revocation | None = None
    bytes_changed: bool = False
    failures: tuple[str, ...] = ()
    signer: str | None = None
    issuer: str | None = None
    algorithm: str | None = None
    time: str | None = None
    stamp: Mapping[str, Any] | None = None
    trust_list: TrustList | None = None
    time_list: TrustList | None = None
    label: str | None = None
    updated_by: tuple[str, ...] = ()
    store: bytes = field(default=b"", repr=False)
    sidecar: str = ""
    generation: Mapping[str, Any] | None = None
    record_ids: frozenset[str] = frozenset()
    sound_ids: frozenset[str] = frozenset()
    ingredient_ids: frozenset[str] = frozenset()
    source_types: frozenset[str] = frozenset()
    unsigned: Mapping[str, int] = field(default_factory=dict)
    remote: str | None = None
    problem: str = ""
    report: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def intact(self) -> bool:
        """Whether the manifest itself holds, whatever media it is held against."""
        return self.present and not self.problem and set(self.failures) <= {UNTRUSTED, EXPIRED, *_BYTES_CHANGED}

    @property
    def says_ai(self) -> bool:
        """Whether any signed action names trained algorithms as the source."""
        return any(source in AI_SOURCE_TYPES for source in self.source_types)


def read_manifest(
    source: str | Path | BinaryIO | bytes, *, trust: Sequence[TrustList] = (), sidecar: bytes | None = None
) -> ManifestReading:
    """Read and validate, offline.

    Args:
        source: a media file, an open one, or the bytes of a manifest store by itself (then there is no media to hold
            it against, and `bytes_changed` is true).
        trust: lists of certificates to trust.
        sidecar: a manifest store that belongs to `source`; looked for beside a file that has none inside.

    Never raises for what the file contains; OSError if it cannot be read.
    """
    if isinstance(source, (str, Path)):
        with open(source, "rb") as file:
            found = read_manifest(file, trust=trust, sidecar=sidecar)
            store = None if found.present or found.problem else beside(Path(source))
            if store is None:
                return found
            return replace(read_manifest(file, trust=trust, sidecar=store.read_bytes()), sidecar=store.name)
    alone = isinstance(source, bytes)
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    container = is_bmff(file)
    embedded = container and manifest_span(file) is not None
    kind = "application/c2pa" if alone else None
    signers, times = ([each for each in trust if each.purpose == purpose] for purpose in (SIGNERS, TIMES))
    try:
        state, report = _ask(kind, file, signers, sidecar)  # c2pa takes an anchor of either kind for both
        clock = _ask(kind, file, times, sidecar)[1] if report and times else None
    except _ERRORS.NotSupported:
        return _held_against(file, sidecar, trust) if sidecar else ManifestReading(checked=False)
    except _ERRORS.RemoteManifest as error:
        return ManifestReading(remote=str(error))
    except (c2pa.C2paError, ValueError, UnicodeError) as error:
        present = embedded or sidecar is not None
        return ManifestReading(present=present, problem=str(error), checked=container or present)
    if report is None:
        return ManifestReading()
    updated = update_manifest(file) if embedded else None
    inside = embedded_manifest(file) if embedded else None
    store = source if isinstance(source, bytes) else sidecar or inside or updated or b""
    found = _timed(_reading(state, report, signers), clock, times)
    if found.updated_by or (found.lapsed and found.time):  # c2pa judges the signer of the update, and the day of today
        leads = trust_of(store, found.label or "", signers)
        found = replace(found, trusted=found.valid and leads is not None and not found.expired, trust_list=leads)
    unsigned = unsigned_bytes(file) if container else {}
    if stuffed := stuffed_padding(store, found.label or ""):
        unsigned["the signature’s padding"] = stuffed
    return replace(found, store=store, unsigned=unsigned)


def _ask(
    kind: str | None, file: BinaryIO, trust: Sequence[TrustList], sidecar: bytes | None
) -> tuple[str, dict[str, Any] | None]:
    """c2pa's state and its report as crJSON, or None if there is no manifest."""
    file.seek(0)
    settings: dict[str, Any] = {**OFFLINE}
    if trust:
        settings["trust"] = {"anchors": [each.anchors for each in trust]}
        settings["verify"] = {**OFFLINE["verify"], "verify_trust": True}
    with c2pa.Context.from_dict(settings) as context:
        reader = c2pa.Reader.try_create(kind, file, manifest_data=sidecar, context=context)
        if reader is None:
            return "", None
        with reader:
            return reader.get_validation_state() or "Invalid", json.loads(reader.crjson())


def _held_against(file: BinaryIO, sidecar: bytes, trust: Sequence[TrustList]) -> ManifestReading:
    """A sidecar of a container that c2pa cannot look into: the bytes by their `c2pa.hash.data`, if it has one."""
    found = read_manifest(sidecar, trust=trust)
    hashes = [
        data for name, data in _assertions(_content(found.report)[0]).items() if name.startswith("c2pa.hash.data")
    ]
    changed = not hashes or not all(fits(file, data) for data in hashes)
    failures = tuple(code for code in found.failures if changed or code not in _BYTES_CHANGED)
    valid = not changed and found.present and not found.problem and set(failures) <= {UNTRUSTED, EXPIRED}
    trusted = valid and found.trust_list is not None and UNTRUSTED not in failures
    return replace(found, bytes_changed=changed, failures=failures, valid=valid, trusted=trusted)


def _content(report: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """The manifest about the content, the updates over it (latest first), and all others."""
    if not report:
        return {}, [], []
    manifests = {str(each.get("label")): each for each in report["manifests"]}
    content, updates = report["manifests"][0], []
    while content.get("isUpdateManifest") and len(updates) < len(manifests):
        parents = [data for data in _assertions(content).values() if data.get("relationship") == "parentOf"]
        label = str((parents[0].get("activeManifest") or {}).get("url", "")).rpartition("/")[2] if parents else ""
        if label not in manifests:
            break
        updates.append(content)
        content = manifests[label]
    seen = [content.get("label"), *(update.get("label") for update in updates)]
    return content, updates, [each for each in report["manifests"] if each.get("label") not in seen]


def _reading(state: str, report: dict[str, Any], trust: Sequence[TrustList]) -> ManifestReading:
    """From crJSON, whose first manifest is the active one."""
    active = report["manifests"][0]
    content, updates, others = _content(report)
    own = active.get("validationResults", {})
    results = [own] + [delta.get("validationDeltas", {}) for delta in active.get("ingredientDeltas", [])]
    failures = {entry["code"] for result in results for entry in result.get("failure", [])}
    expired = EXPIRED in failures
    valid = state in ("Valid", "Trusted") or (expired and failures <= {UNTRUSTED, EXPIRED})
    signature = content.get("signature", {})
    names = signature.get("certificateInfo", {})
    stamp = _stamp(active) or _stamp(content)
    lists = {each.uri: each for each in trust}
    return ManifestReading(
        present=True,
        valid=valid,
        trusted=state == "Trusted",
        expired=expired,
        lapsed=expired or _is_past(names.get("validity")),
        revocation=_stapled(failures, own),
        bytes_changed=bool(failures & _BYTES_CHANGED),
        failures=tuple(sorted(failures)),
        signer=_common_name(names.get("subject")),
        issuer=_common_name(names.get("issuer")),
        algorithm=signature.get("algorithm"),
        stamp=stamp,
        trust_list=lists.get(_explained(own, "signingCredential.trusted")),
        label=content.get("label"),
        updated_by=tuple(_signer(update) or "nobody named" for update in updates),
        generation=_assertions(content).get(GENERATION),
        record_ids=_record_ids(content),
        sound_ids=_bound(content, softbinding.SOUND_ALGORITHM),
        ingredient_ids=frozenset().union(*map(_record_ids, others)),
        source_types=frozenset(_source_types(report["manifests"])),
        report=report,
    )


def _stapled(failures: set[str], results: Mapping[str, Any]) -> Revocation | None:
    source = "an answer inside the manifest"
    if failures & _REVOKED:
        return Revocation(REVOKED, source)
    good = any(entry.get("code") == _NOT_REVOKED for entry in results.get("success", []))
    return Revocation(GOOD, source) if good else None


def _timed(found: ManifestReading, clock: Mapping[str, Any] | None, times: Sequence[TrustList]) -> ManifestReading:
    """What a time-stamp of an authority on the lists for `times` changes; `clock` is the report held against these."""
    if found.stamp is None:
        return found
    own = clock["manifests"][0].get("validationResults", {}) if clock else {}
    codes = {entry["code"] for entry in own.get("success", [])}
    trusted = {"timeStamp.validated", "timeStamp.trusted"} <= codes
    failures = found.failures
    if trusted and EXPIRED not in {entry["code"] for entry in own.get("failure", [])}:
        failures = tuple(code for code in failures if code != EXPIRED)
    return replace(
        found,
        stamp={**found.stamp, "trusted": trusted},
        time=found.stamp["time"] if trusted else None,
        time_list={each.uri: each for each in times}.get(_explained(own, "timeStamp.trusted")),
        failures=failures,
        expired=EXPIRED in failures or (found.lapsed and not trusted),
        trusted=found.trusted and not (found.lapsed and not trusted),
    )


def _stamp(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    info = manifest.get("signature", {}).get("timeStampInfo", {})
    if not info.get("timestamp"):
        return None
    authority = _common_name((info.get("certificateInfo") or {}).get("subject"))
    return {"time": info["timestamp"], "authority": authority, "trusted": False}


def _is_past(validity: Mapping[str, Any] | None) -> bool:
    try:
        return datetime.fromisoformat((validity or {})["notAfter"]) < datetime.now(UTC)
    except (KeyError, TypeError, ValueError):
        return False


def _explained(results: Mapping[str, Any], code: str) -> str:
    """The trust list that c2pa's explanation of a success names."""
    said = [str(entry.get("explanation")) for entry in results.get("success", []) if entry.get("code") == code]
    found = _LIST.search(said[0]) if said else None
    return found[0] if found else ""


def _signer(manifest: Mapping[str, Any]) -> str | None:
    return _common_name(manifest.get("signature", {}).get("certificateInfo", {}).get("subject"))


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
    return _bound(manifest, softbinding.ALGORITHM) | ids


def _bound(manifest: dict[str, Any], algorithm: str) -> frozenset[str]:
    """The ids in the soft bindings of one algorithm."""
    bindings = [data for label, data in _assertions(manifest).items() if label.split("__")[0] == softbinding.LABEL]
    return frozenset(found for data in bindings for found in softbinding.record_ids(data, algorithm))


def _common_name(names: Mapping[str, Any] | None) -> str | None:
    names = names or {}
    return names.get("CN") or names.get("O")
