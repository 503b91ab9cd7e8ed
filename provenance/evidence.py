"""Gathering what is known about a file's origin, and where the sources contradict each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import FacewrightError, InputError
from . import fingerprint
from .boxes import embedded_manifest
from .fingerprint import MATCH, Fingerprint
from .manifest import generation
from .reading import ManifestReading, read_manifest
from .revocation import ASK_NOBODY, UNKNOWN, Enquiry, Revocation, check
from .signature import signing_chain
from .store import Entry, Store
from .trust import BAD_CERTIFICATE, TrustList
from .watermark import MarkReading, read_mark

_SAME = "method", "method_version", "weights", "seed", "controls"  # what a manifest and a record of one id must share


@dataclass
class Evidence:
    """What was found in and about one file.

    Attributes:
        manifest: of the file.
        trust: the lists it was held against.
        revocation: of the signing certificate.
        mark: the watermark's reading; None if it could not be looked for.
        entry: the store's row of the id that the mark, or else the manifest, gives.
        original: the row's own manifest.
        is_original: the file carries that very manifest.
        similarity: of the file's picture to the recorded one; None if not compared.
        same_sound: whether the file's sound is the recorded one; None if not compared.
        warnings: what could not be done, and why.
    """

    manifest: ManifestReading
    trust: tuple[TrustList, ...] = ()
    revocation: Revocation = field(default_factory=Revocation)
    mark: MarkReading | None = None
    entry: Entry | None = None
    original: ManifestReading | None = None
    is_original: bool = False
    similarity: float | None = None
    same_sound: bool | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def mark_id(self) -> str | None:
        return self.mark.record_id if self.mark and self.mark.found else None

    @property
    def manifest_id(self) -> str | None:
        ids = self.manifest.record_ids
        return next(iter(ids)) if len(ids) == 1 else None

    @property
    def matches(self) -> bool:
        """Whether the picture is known to be the recorded one."""
        return self.similarity is not None and self.similarity >= MATCH


def gather(
    path: Path, *, trust: tuple[TrustList, ...], store: Store, key: bytes | None, enquiry: Enquiry = ASK_NOBODY
) -> Evidence:
    """Ask the manifest, the watermark, the store and the fingerprint, in this order.

    Raises:
        InputError: the file is no media file and carries no manifest.
    """
    try:
        found = Evidence(read_manifest(path, trust=trust), trust)
    except OSError as error:
        raise InputError("unreadable", f"Cannot read {path}: {error.strerror}.") from error
    found.revocation = _revocation(found.manifest, enquiry)
    try:
        found.mark = read_mark(path, key=key)
    except InputError as error:
        if error.code != "no_video" and not found.manifest.present:
            raise
        found.warnings.append(f"The watermark was not looked for: {error.message}")
    _ask_store(found, store)
    if found.entry:
        _compare(path, found.entry, found)
    return found


def _revocation(manifest: ManifestReading, enquiry: Enquiry) -> Revocation:
    """What c2pa found inside the manifest, else what the user allowed to ask.

    Addresses in a certificate that no list vouches for are not asked: its maker chose who answers.
    """
    if manifest.revocation:
        return manifest.revocation
    if not (enquiry and manifest.present):
        return Revocation()
    if manifest.trust_list is None and not (enquiry.responder or enquiry.lists):
        return Revocation(reason="no trust list vouches for the authority that would answer")
    try:
        chain = signing_chain(manifest.store, manifest.label or "")
        anchors = manifest.trust_list.certificates if manifest.trust_list else []
        allowed = enquiry if manifest.trust_list else Enquiry(False, enquiry.responder, enquiry.lists)
        return check(chain, anchors, allowed)
    except BAD_CERTIFICATE as error:
        return Revocation(UNKNOWN, reason=str(error))


def _ask_store(found: Evidence, store: Store) -> None:
    """The row of the mark's id, else of the manifest's; one that is not what was signed is no evidence."""
    try:
        entry = next(filter(None, (store.get(key) for key in (found.mark_id, found.manifest_id) if key)), None)
    except FacewrightError as error:
        found.warnings.append(f"The store could not be asked: {error.message}")
        return
    if entry is None:
        return
    found.original = read_manifest(entry.manifest, trust=found.trust)
    signed = found.original.generation if found.original.intact else None
    digest = fingerprint.digest(entry.fingerprint)
    if signed == generation(entry.record) and digest == entry.record.fingerprint_sha256:
        found.entry = entry
    else:
        found.warnings.append(
            f"The store's row of {entry.record.record_id} is not what was signed, so it was not used."
        )


def _compare(path: Path, entry: Entry, found: Evidence) -> None:
    with open(path, "rb") as file:
        found.is_original = embedded_manifest(file) == entry.manifest
    if found.is_original and found.manifest.valid:
        return  # the very bytes that were sealed
    try:
        stored = Fingerprint.from_bytes(entry.fingerprint)
        present = fingerprint.measure(path)
        found.similarity = fingerprint.similarity(stored, present)
        found.same_sound = fingerprint.same_sound(stored, present)
    except InputError as error:
        found.warnings.append(f"The picture was not compared with the record's: {error.message}")


def contradictions(found: Evidence) -> list[str]:
    """Where sources that hold on their own cannot both be right, each in a sentence."""
    said: list[str] = []
    manifest, mark_id = found.manifest, found.mark_id
    if manifest.valid or manifest.intact:  # what its signer said, whatever became of the media
        if len(manifest.record_ids) > 1:
            said.append(f"the manifest names several watermark ids: {', '.join(sorted(manifest.record_ids))}")
        elif mark_id and found.manifest_id and mark_id != found.manifest_id:
            said.append(f"the manifest names the watermark {found.manifest_id}, the pixels carry {mark_id}")
        elif mark_id and not found.manifest_id and mark_id not in manifest.ingredient_ids and not manifest.says_ai:
            said.append("the pixels carry the watermark of a generated video, the signed manifest does not say so")
        its_own = found.is_original and manifest.valid
        if found.entry and found.manifest_id == found.entry.record.record_id and not its_own:
            said += _against_record(found, found.entry)
    return said


def _against_record(found: Evidence, entry: Entry) -> list[str]:
    """A manifest of our id that is not the one that was signed here: a second file of the clip, or a forgery."""
    said: list[str] = []
    stated, signed = found.manifest.generation or {}, generation(entry.record)
    if differing := [name for name in _SAME if stated.get(name) != signed[name]]:
        said.append(f"the signed manifest and the record differ in {', '.join(differing)}")
    if found.similarity is not None and not found.matches:
        said.append("the signed manifest names a record of another picture")
    return said
