"""Gathering what is known about a file's origin, and where the sources contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from .watermark.sound import read_sound_mark

_SAME = "method", "method_version", "weights", "seed", "controls"  # what a manifest and a record of one id must share


@dataclass
class Evidence:
    """What was found in and about one file.

    Attributes:
        manifest: of the file.
        trust: the lists it was held against.
        revocation: of the signing certificate.
        mark: the watermark's reading; None if it could not be looked for.
        sound: the reading of the watermark in the sound; None if there is no sound or it could not be looked for.
        entry: the store's row of the id that the picture's mark, or the sound's, or else the manifest, gives.
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
    sound: MarkReading | None = None
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
    def sound_id(self) -> str | None:
        return self.sound.record_id if self.sound and self.sound.found else None

    @property
    def manifest_holds(self) -> bool:
        """Whether the manifest is what its signer said, whatever became of the media."""
        return self.manifest.valid or self.manifest.intact

    @property
    def sound_promised(self) -> str | None:
        """The id that the manifest, or else the record, says the sound carries."""
        said = [*self.manifest.sound_ids] if self.manifest_holds else []
        if not said and self.entry and (self.entry.record.sound or {}).get("marked"):
            said = [self.entry.record.record_id]
        return said[0] if len(said) == 1 else None

    @property
    def sound_foreign(self) -> str | None:
        """The id of another record that the sound came with, as the manifest or else the record says."""
        stated = (self.manifest.generation or {}).get("sound") if self.manifest_holds else None
        said = stated if isinstance(stated, Mapping) else self.entry.record.sound if self.entry else None
        carried = (said or {}).get("carries")
        return carried if isinstance(carried, str) else None

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
    found.sound = _listen(path, key, found)
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


def _listen(path: Path, key: bytes | None, found: Evidence) -> MarkReading | None:
    try:
        return read_sound_mark(path, key=key)
    except InputError as error:
        if error.code != "no_audio" and not found.warnings:
            found.warnings.append(f"The watermark in the sound was not looked for: {error.message}")
        return None


def _ask_store(found: Evidence, store: Store) -> None:
    """The row of a mark's id, else of the manifest's; one that is not what was signed is no evidence."""
    ids = found.mark_id, found.sound_id, found.manifest_id
    try:
        entry = next(filter(None, (store.get(key) for key in ids if key)), None)
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
    if found.manifest_holds:
        if len(manifest.record_ids) > 1:
            said.append(f"the manifest names several watermark ids: {', '.join(sorted(manifest.record_ids))}")
        elif mark_id and found.manifest_id and mark_id != found.manifest_id:
            said.append(f"the manifest names the watermark {found.manifest_id}, the pixels carry {mark_id}")
        elif mark_id and not found.manifest_id and mark_id not in manifest.ingredient_ids and not manifest.says_ai:
            said.append("the pixels carry the watermark of a generated video, the signed manifest does not say so")
        its_own = found.is_original and manifest.valid
        if found.entry and found.manifest_id == found.entry.record.record_id and not its_own:
            said += _against_record(found, found.entry)
    return [*said, *_of_sound(found)]


def _of_sound(found: Evidence) -> Iterator[str]:
    """The sound's mark against the manifest, else against the picture's."""
    manifest, sound_id = found.manifest, found.sound_id
    if not sound_id or sound_id == found.sound_foreign:
        return
    holds = found.manifest_holds
    if holds and found.manifest_id and sound_id != found.manifest_id:
        yield f"the manifest names the watermark {found.manifest_id}, the sound carries {sound_id}"
    elif found.mark_id and sound_id != found.mark_id:
        yield f"the picture carries the watermark {found.mark_id}, the sound {sound_id}: one of them was replaced"
    elif holds and not found.manifest_id and sound_id not in manifest.ingredient_ids and not manifest.says_ai:
        yield "the sound carries the watermark of a generated video, the signed manifest does not say so"


def _against_record(found: Evidence, entry: Entry) -> list[str]:
    """A manifest of our id that is not the one that was signed here: a second file of the clip, or a forgery."""
    said: list[str] = []
    stated, signed = found.manifest.generation or {}, generation(entry.record)
    if differing := [name for name in _SAME if stated.get(name) != signed[name]]:
        said.append(f"the signed manifest and the record differ in {', '.join(differing)}")
    if found.similarity is not None and not found.matches:
        said.append("the signed manifest names a record of another picture")
    return said
