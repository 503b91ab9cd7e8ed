"""What is fact about where a file came from: signature, bytes, trust, watermark, record, fingerprint, each in a line.

States (docs/explanation/provenance.md tells what each can and cannot say):

    trusted             the manifest holds and its certificate is on the trust list
    valid-untrusted     the manifest holds; nobody vouches for who signed it
    invalid             there is a manifest, and the file, the manifest or its signature was changed
    revoked             the signing certificate is known to be revoked
    conflict            the manifest holds but the watermark, or the record it leads to, contradicts it
    recovered           no manifest; a watermark gives an id, and no known picture contradicts it
    recovered-mismatch  no manifest; a watermark leads to a record of another picture
    nothing-found       neither: no information
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from . import wording
from .evidence import Evidence, contradictions, gather
from .manifest import generation
from .record import Record
from .revocation import ASK_NOBODY, REVOKED, Enquiry
from .store import Store
from .trust import SIGNERS, Named, chosen
from .watermark import MarkReading

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
        watermark: checked, found, p_value, record_id, of the picture.
        sound_watermark: the same of the sound.
        manifest: present, valid, trusted, signer, issuer and more; see `_manifest_facts`.
        record: found, and what may be public of it.
        fingerprint: similarity to the recorded picture and whether that is a match, None where not compared; `sound`:
            same, other or not compared.
        lines: facts for people, one a line.
        warnings: what stood in the way, and what a reader should know beside the state.
        crjson: C2PA's report on the manifests, or None; not in `to_dict`.
        stored: the whole record with paths and command, for `replay` on this machine; not in `to_dict`.
    """

    state: str
    record_id: str | None
    watermark: Mapping[str, Any]
    sound_watermark: Mapping[str, Any]
    manifest: Mapping[str, Any]
    record: Mapping[str, Any]
    fingerprint: Mapping[str, Any]
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    crjson: Mapping[str, Any] | None = None
    stored: Record | None = None

    @property
    def exit_code(self) -> int:
        """0 passed, 10 a negative finding, 11 cannot tell: nothing found, or an id without a matching record."""
        if self.state == "recovered" and not self.fingerprint["match"]:
            return CANNOT_TELL
        return _EXIT[self.state]

    def to_dict(self) -> dict[str, Any]:
        """JSON-friendly."""
        return {
            "state": self.state,
            "record_id": self.record_id,
            "watermark": dict(self.watermark),
            "sound_watermark": dict(self.sound_watermark),
            "manifest": dict(self.manifest),
            "record": dict(self.record),
            "fingerprint": dict(self.fingerprint),
            "lines": list(self.lines),
            "warnings": list(self.warnings),
        }


def verify(
    path: str | Path,
    *,
    trust: Named = None,
    time_trust: Named = None,
    store: Store | str | None = None,
    key: bytes | None = None,
    enquiry: Enquiry = ASK_NOBODY,
) -> Verification:
    """Hold a file's manifest, watermark and record against each other. Offline, unless `enquiry` asks for more.

    Args:
        path: a video, or any other file that C2PA or the watermark can look into.
        trust: PEM files of trusted certificates, or names of kept lists; default `FACEWRIGHT_TRUST`, else all kept.
        time_trust: the same for authorities of time-stamps; default all that are kept.
        store: a store or its URL; default `Store()`.
        key: of the watermark; default as for `read_mark`.
        enquiry: what may be asked about revocation.

    Raises:
        InputError: "unreadable" and the like if the file is no media file and carries no manifest.
        UsageError: "trust_list", "store_url", "bad_crl".
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("unreadable", f"There is no file {path}.", "Check the name.")
    found = gather(
        path,
        trust=chosen(trust, time_trust),
        store=store if isinstance(store, Store) else Store(store),
        key=key,
        enquiry=enquiry,
    )
    said = contradictions(found)
    state = decide(found, said)
    heard = {found.sound_id} - {found.sound_foreign}
    ids = {found.mark_id, *heard, *found.manifest.record_ids} - {None}
    return Verification(
        state=state,
        record_id=ids.pop() if len(ids) == 1 else None,
        watermark=_mark_facts(found.mark),
        sound_watermark=_mark_facts(found.sound),
        manifest=_manifest_facts(found),
        record={"found": found.entry is not None, "record": generation(found.entry.record) if found.entry else None},
        fingerprint={
            "similarity": None if found.similarity is None else round(found.similarity, 3),
            "match": None if found.similarity is None else found.matches,
            "sound": {True: "same", False: "other", None: "not compared"}[found.same_sound],
        },
        lines=tuple(wording.lines(found, said, state)),
        warnings=tuple(map(wording.printable, found.warnings)),
        crjson=found.manifest.report,
        stored=found.entry.record if found.entry else None,
    )


def decide(found: Evidence, said: list[str]) -> str:
    """The state that the evidence and its contradictions amount to."""
    manifest = found.manifest
    if manifest.present:
        if found.revocation.state == REVOKED and not found.revocation.after(manifest.time):
            return "revoked"
        if not manifest.valid:
            return "invalid"
        if said:
            return "conflict"
        return "trusted" if manifest.trusted else "valid-untrusted"
    if found.mark_id is None and found.sound_id is None:
        return "nothing-found"
    if said:
        return "conflict"
    no_picture = found.mark is None and found.similarity is None
    return "recovered" if found.entry is None or found.matches or no_picture else "recovered-mismatch"


def _mark_facts(reading: MarkReading | None) -> dict[str, Any]:
    found = reading is not None and reading.found
    return {
        "checked": reading is not None,
        "found": found,
        "p_value": reading.p_value if reading else None,
        "record_id": reading.record_id if reading and found else None,
    }


def _manifest_facts(found: Evidence) -> dict[str, Any]:
    manifest, signers = found.manifest, (each for each in found.trust if each.purpose == SIGNERS)
    trust = manifest.trust_list or next(signers, None)
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
        "revocation": found.revocation.state,
        "revocation_details": asdict(found.revocation),
        "time_stamp": manifest.time,
        "time_stamp_details": dict(manifest.stamp) if manifest.stamp else None,
        "trust_list": trust.to_dict() if trust else None,
        "trust_lists": [each.to_dict() for each in found.trust],
        "updated_by": list(manifest.updated_by),
        "sidecar": manifest.sidecar or None,
        "failures": list(manifest.failures),
        "label": manifest.label,
        "says_ai_generated": manifest.says_ai if manifest.present else None,
        "generation": dict(manifest.generation) if manifest.generation else None,
        "unsigned_bytes": dict(manifest.unsigned),
        "remote": manifest.remote,
    }
