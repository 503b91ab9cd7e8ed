"""The lines of a verification: one fact each, in words that claim no more than was checked.

A signature says who signed which bytes. A watermark says that the pixels once left a generator. Neither says what the
picture shows, and the absence of both says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from .evidence import Evidence
from .reading import UNTRUSTED
from .record import IPTC
from .revocation import GOOD, REVOKED
from .trust import SIGNERS, TIMES, TrustList, name_of

LONGEST_NAME = 120
_FAILURES = {
    "assertion.bmffHash.mismatch": "the bytes of the video are not those that were signed",
    "assertion.dataHash.mismatch": "the bytes of the file are not those that were signed",
    "assertion.hashedURI.mismatch": "a part of the manifest was changed",
    "claimSignature.mismatch": "the signature does not fit the manifest",
    "claimSignature.missing": "the manifest has no signature of its own name",
    "algorithm.unsupported": "the signature names an algorithm that C2PA does not allow",
    "signingCredential.invalid": "the certificate is not one for signing C2PA claims",
    "ingredient.manifest.mismatch": "the manifest of an ingredient was changed",
    "signingCredential.expired": "the signing certificate has expired",
}


def lines(found: Evidence, contradictions: list[str], state: str) -> Iterator[str]:
    """What `verify` says, in order: signature, bytes, trust, time, revocation, content, watermark, record, picture.

    Names come from certificates that anyone can make: nothing in them breaks a line, moves a terminal's cursor or ends
    the quotation marks around them.
    """
    yield from map(printable, _lines(found, contradictions, state))


def printable(text: str) -> str:
    """A text in one line, without control characters and changes of direction."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _lines(found: Evidence, contradictions: list[str], state: str) -> Iterator[str]:
    if found.manifest.present:
        yield from _manifest(found)
    elif not found.manifest.checked:
        yield "manifest: not checked, C2PA does not cover this kind of file"
    elif found.manifest.remote:
        yield f"manifest: kept elsewhere and not fetched ({found.manifest.remote})"
    elif found.manifest.problem:
        yield f"manifest: none found; the file could not be parsed ({found.manifest.problem})"
    else:
        yield "manifest: none"
    yield from _watermark(found)
    for sentence in contradictions:
        yield f"conflict: {sentence}"
    if state == "nothing-found":
        yield "nothing found is no information: it does not tell how this file was made"


def _manifest(found: Evidence) -> Iterator[str]:
    manifest = found.manifest
    reasons = [_FAILURES.get(code, code) for code in manifest.failures if code != UNTRUSTED]
    if not manifest.valid:
        yield f"manifest: invalid: {'; '.join(reasons) or manifest.problem or 'it does not validate'}"
        if manifest.signer:
            yield f"signature: names {_quoted(manifest.signer)}, certificate issued by {_quoted(manifest.issuer)}"
    else:
        yield f"signature: valid, by {_quoted(manifest.signer)}, certificate issued by {_quoted(manifest.issuer)}"
        yield "bytes: unchanged since signing"
    yield f"trust: {_trust(found)}"
    if manifest.updated_by:
        yield f"updated: by {', '.join(_quoted(name) for name in manifest.updated_by)}, without a change to the content"
    if manifest.expired:
        yield "certificate: expired, and no time-stamp shows that the signature is older"
    yield f"time-stamp: {_time(found)}"
    yield f"revocation: {_revocation(found)}"
    if manifest.valid:
        yield _content(found)
    if manifest.unsigned:
        sizes = ", ".join(f"{size:,} bytes in {kind}" for kind, size in manifest.unsigned.items())
        yield f"outside the signature: {sizes}; anyone can have put them there"


def _content(found: Evidence) -> str:
    made, kinds = found.manifest.generation, found.manifest.source_types
    types = ", ".join(sorted(kind.removeprefix(IPTC) for kind in kinds)) or "no source type"
    if not made:
        statement = "AI-generated" if found.manifest.says_ai else "nothing about AI"
        return f"the signed manifest says: {statement} ({types})"
    return (
        f"the signed manifest says: AI-generated ({types}), by {made.get('method')} {made.get('method_version')}, "
        f"seed {made.get('seed')}, on {made.get('created')}; consent: {made.get('consent')}"
    )


def _watermark(found: Evidence) -> Iterator[str]:
    if found.mark is None:
        yield "watermark: not checked"
    elif found.mark_id:
        yield f"watermark: id {found.mark_id}, p = {found.mark.p_value:.1g} that an unmarked video gives one by chance"
    elif found.manifest_id:
        yield f"watermark: none found, though the manifest names {found.manifest_id}; it may need another mark key"
    else:
        yield "watermark: none found"
    yield f"sound watermark: {_sound(found)}"
    if found.entry:
        record = found.entry.record
        yield f"record: in the store, {record.record_id} made by {record.method} on {record.created}"
    elif found.mark_id or found.sound_id or found.manifest_id:
        yield "record: not in this store"
    if found.entry and found.original and not found.is_original and not found.manifest.present:
        yield (
            f"the record's own manifest: signed by {_quoted(found.original.signer)}; this file's bytes differ from "
            "those it was signed over, as after any re-encoding or remuxing"
        )
    if found.similarity is not None:
        source = "the mark" if found.mark_id else "the manifest"
        other = f"mismatch: {source} was copied from another video, or the picture was changed beyond recognition"
        yield f"fingerprint: {found.similarity:.2f}, {'match' if found.matches else other}"
        sound = {True: "same", False: "other, or changed in speed or pitch", None: "not compared"}
        yield f"sound: {sound[found.same_sound]}"


def _sound(found: Evidence) -> str:
    if found.sound_id and found.sound:
        foreign = ", that of an earlier record, as was said when it was sealed"
        p = f"p = {found.sound.p_value:.1g} that unmarked sound gives one by chance"
        return f"id {found.sound_id}, {p}{foreign if found.sound_id == found.sound_foreign else ''}"
    if found.sound_promised:
        sealed = f"though it was sealed with {found.sound_promised}"
        if found.sound is None:
            return f"no sound to look at, {sealed}"
        return f"none found, {sealed}; the sound was replaced or changed beyond reading, or it needs another mark key"
    return "none found" if found.sound else "not checked, there is no sound that can be read"


def _trust(found: Evidence) -> str:
    manifest = found.manifest
    lists = [each for each in found.trust if each.purpose == SIGNERS]
    if manifest.trusted:
        name = manifest.trust_list.shown if manifest.trust_list else "that you gave"
        return f"the certificate leads to the trust list {name}"
    if manifest.trust_list:
        return f"the certificate leads to the trust list {manifest.trust_list.shown}, which cannot mend the rest"
    for each in lists:
        if any(name_of(anchor) == manifest.issuer for anchor in each.certificates):
            name = _quoted(manifest.issuer)
            return f"untrusted: {name} is a name on the trust list {each.shown}, used here by another key"
    if lists:
        return f"untrusted, the certificate does not lead to {_either(lists)}"
    return "no trust list given, so nobody vouches for the signer's name"


def _time(found: Evidence) -> str:
    stamp = found.manifest.stamp
    if not stamp:
        return "none, so every time in the manifest is the signer’s own word"
    said = f"{stamp['time']} by {_quoted(stamp['authority'])}"
    if not stamp["trusted"]:
        lists = [each for each in found.trust if each.purpose == TIMES]
        reason = f"does not lead to {_either(lists)}" if lists else "is on no list that you gave"
        return f"{said}, untrusted: the authority {reason}"
    vouching = found.manifest.time_list
    return f"{said}, an authority of the trust list {vouching.shown}" if vouching else said


def _revocation(found: Evidence) -> str:
    known, stamp = found.revocation, found.manifest.time
    if known.state == REVOKED:
        since = f" since {known.since} ({known.reason})" if known.since else ""
        older = ", after the time-stamp, so this signature stands" if known.after(stamp) else ""
        return f"the certificate is revoked{since}, says {known.source}{older}"
    if known.state == GOOD:
        return f"checked, not revoked, says {known.source}{f' of {known.said}' if known.said else ''}"
    reason = f", {known.reason}" if known.reason else ""
    return f"{known.state}{reason}"


def _quoted(name: str | None) -> str:
    inside = (name or "nobody named").translate(str.maketrans("“”", "''"))
    return f"“{inside if len(inside) <= LONGEST_NAME else inside[:LONGEST_NAME] + '…'}”"


def _either(lists: list[TrustList]) -> str:
    return " or ".join(f"the trust list {each.shown}" for each in lists)
