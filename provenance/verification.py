"""What is fact about where a file came from: signature, bytes, trust, watermark, record, fingerprint, each in a line.

States (docs/explanation/provenance.md tells what each can and cannot say):

    trusted             the manifest holds and its certificate is on the trust list
    valid-untrusted     the manifest holds; nobody vouches for who signed it
    invalid             there is a manifest, and the file, the manifest or its signature was changed
    revoked             the signing certificate is known to be revoked
    conflict            the manifest holds but the watermark, or the record it leads to, contradicts it
    recovered           no manifest; the watermark gives an id, and no known picture contradicts it
    recovered-mismatch  no manifest; the watermark leads to a record of another picture
    nothing-found       neither: no information
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from . import wording
from .evidence import Evidence, contradictions, gather
from .manifest import generation
from .reading import TrustList
from .record import Record
from .store import Store

DONE, NEGATIVE, CANNOT_TELL = 0, 10, 11
_EXIT = {
    "trusted": DONE,
    "valid-untrusted": DONE,
    "recovered": DONE,
    "invalid": NEGATIVE,
    "revoked": NEGATIVE,
    "conflict": NEGATIVE,
    "recovered-mismatch": NEGATIVE,
    "nothing-found": CANNOT_TELL,
}


@dataclass(frozen=True)
class Verification:
    """The answer of `verify`.

    Attributes:
        state: see the module.
        record_id: what manifest and watermark agree on, or the one there is; None if there is none or they disagree.
        watermark: found, p_value, record_id.
        manifest: present, valid, trusted, signer, issuer and more; see `_manifest_facts`.
        record: found, and what may be public of it.
        fingerprint: similarity to the recorded picture and whether that is a match; None where not compared.
        lines: facts for people, one a line.
        warnings: what stood in the way, and what a reader should know beside the state.
        stored: the whole record with paths and command, for `replay` on this machine; not in `to_dict`.
    """

    state: str
    record_id: str | None
    watermark: Mapping[str, Any]
    manifest: Mapping[str, Any]
    record: Mapping[str, Any]
    fingerprint: Mapping[str, Any]
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    stored: Record | None = None

    @property
    def exit_code(self) -> int:
        """0 passed, 10 a negative finding, 11 cannot tell: nothing found, or an id without a record in this store."""
        if self.state == "recovered" and not self.record["found"]:
            return CANNOT_TELL
        return _EXIT[self.state]

    def to_dict(self) -> dict[str, Any]:
        """JSON-friendly."""
        return {
            "state": self.state,
            "record_id": self.record_id,
            "watermark": dict(self.watermark),
            "manifest": dict(self.manifest),
            "record": dict(self.record),
            "fingerprint": dict(self.fingerprint),
            "lines": list(self.lines),
            "warnings": list(self.warnings),
        }


def verify(
    path: str | Path, *, trust: str | Path | None = None, store: Store | str | None = None, key: bytes | None = None
) -> Verification:
    """Hold a file's manifest, watermark and record against each other. Offline.

    Args:
        path: a video, or any other file that C2PA or the watermark can look into.
        trust: a PEM file of trusted certificates; default `FACEWRIGHT_TRUST`.
        store: a store or its URL; default `Store()`.
        key: of the watermark; default as for `read_mark`.

    Raises:
        InputError: "unreadable" and the like if the file is no media file and carries no manifest.
        UsageError: "trust_list", "store_url".
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("unreadable", f"There is no file {path}.", "Check the name.")
    trust = trust or os.environ.get("FACEWRIGHT_TRUST") or None
    found = gather(
        path,
        trust=TrustList.load(trust) if trust else None,
        store=store if isinstance(store, Store) else Store(store),
        key=key,
    )
    said = contradictions(found)
    state = decide(found, said)
    ids = {found.mark_id, *found.manifest.record_ids} - {None}
    return Verification(
        state=state,
        record_id=ids.pop() if len(ids) == 1 else None,
        watermark={
            "checked": found.mark is not None,
            "found": found.mark_id is not None,
            "p_value": found.mark.p_value if found.mark else None,
            "record_id": found.mark_id,
        },
        manifest=_manifest_facts(found),
        record={"found": found.entry is not None, "record": generation(found.entry.record) if found.entry else None},
        fingerprint={
            "similarity": None if found.similarity is None else round(found.similarity, 3),
            "match": None if found.similarity is None else found.matches,
        },
        lines=tuple(wording.lines(found, said, state)),
        warnings=tuple(found.warnings),
        stored=found.entry.record if found.entry else None,
    )


def decide(found: Evidence, said: list[str]) -> str:
    """The state that the evidence and its contradictions amount to."""
    manifest = found.manifest
    if manifest.present:
        if manifest.revoked:
            return "revoked"
        if not manifest.valid:
            return "invalid"
        if said:
            return "conflict"
        return "trusted" if manifest.trusted else "valid-untrusted"
    if found.mark_id is None:
        return "nothing-found"
    if said:
        return "conflict"
    return "recovered" if found.entry is None or found.matches else "recovered-mismatch"


def _manifest_facts(found: Evidence) -> dict[str, Any]:
    manifest, trust = found.manifest, found.trust
    return {
        "checked": manifest.checked,
        "present": manifest.present,
        "valid": manifest.valid if manifest.present else None,
        "trusted": manifest.trusted if manifest.present else None,
        "signer": manifest.signer,
        "issuer": manifest.issuer,
        "algorithm": manifest.algorithm,
        "bytes_unchanged": manifest.valid if manifest.present else None,
        "expired": manifest.expired,
        "revocation": "revoked" if manifest.revoked else "not checked",
        "time_stamp": manifest.time,
        "trust_list": {"name": trust.name, "date": trust.date, "certificates": trust.count} if trust else None,
        "failures": list(manifest.failures),
        "label": manifest.label,
        "says_ai_generated": manifest.says_ai if manifest.present else None,
        "generation": dict(manifest.generation) if manifest.generation else None,
        "unsigned_bytes": dict(manifest.unsigned),
        "remote": manifest.remote,
    }
