"""Trust lists, time-stamps and revocation, each against servers of the test's own."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from facewright.cli.main import run
from facewright.core.errors import InputError, RefusedError, UsageError
from facewright.core.fetching import fetch
from facewright.core.paths import home
from facewright.provenance import Record, Store, keys, manifest, trust, verify
from facewright.provenance.reading import read_manifest
from facewright.provenance.revocation import Enquiry, Revocation
from facewright.provenance.sidecar import fits
from facewright.provenance.stamping import stamp

from .authorities import Authority, ocsp_responder, serving, time_authority
from .conftest import seal_moving

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to play the authorities")


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path / "authority")


def resealed(sealed, target: Path, chain: Path, key: Path) -> Path:
    """The sealed clip, signed again by someone else."""
    entry = Store().get(sealed.record_id)
    assert entry
    record = Record.from_dict(entry.record.to_dict())
    manifest.sign(sealed.path, target, record, keys.file_signer(chain, key), target.name)
    return target


def said(found, start: str) -> str:
    return next(line for line in found.lines if line.startswith(start))


def test_lists_are_kept_with_source_and_date(sealed, tmp_path):
    anchors = shutil.copy(keys.local_ca_certificate(), tmp_path / "anchors.pem")
    assert trust.kept() == []
    mine = trust.keep("mine", str(anchors))
    assert trust.kept() == [mine]
    assert (mine.name, mine.count, mine.purpose) == ("mine", 1, trust.SIGNERS)
    found = verify(sealed.path)
    assert found.state == "trusted"
    today = datetime.now(UTC).date().isoformat()
    assert said(found, "trust:").endswith(f"the trust list mine (1 certificates, kept since {today}, from {anchors})")
    assert found.manifest["trust_list"]["source"] == str(anchors)
    assert verify(sealed.path, trust="mine").state == "trusted"
    with pytest.raises(UsageError, match="already"):
        trust.keep("mine", str(anchors))
    trust.keep("mine", str(anchors), replace=True)
    trust.forget("mine")
    assert verify(sealed.path).state == "valid-untrusted"
    with pytest.raises(UsageError):
        trust.forget("mine")


def test_a_verdict_names_the_list_it_relied_on(sealed, authority):
    trust.keep("strangers", str(authority.anchors))
    trust.keep("own", str(keys.local_ca_certificate()))
    found = verify(sealed.path)
    assert found.manifest["trust_list"]["name"] == "own"
    assert [each["name"] for each in found.manifest["trust_lists"]] == ["own", "strangers"]
    trust.forget("own")
    assert "does not lead to the trust list strangers" in said(verify(sealed.path), "trust:")


def test_a_list_for_time_stamps_vouches_for_no_signer(sealed):
    trust.keep("clocks", str(keys.local_ca_certificate()), trust.TIMES)
    found = verify(sealed.path)
    assert (found.state, found.manifest["trust_list"]) == ("valid-untrusted", None)
    assert "no trust list given" in said(found, "trust:")


@needs_openssl
def test_a_list_for_signers_vouches_for_no_clock(sealed, authority, tmp_path):
    with time_authority(authority) as url:
        stamp(sealed.path, tmp_path / "stamped.mp4", url=url)
    own = [keys.local_ca_certificate(), authority.anchors]
    found = verify(tmp_path / "stamped.mp4", trust=own)
    assert (found.state, found.manifest["time_stamp"]) == ("trusted", None)
    assert "untrusted: the authority is on no list" in said(found, "time-stamp:")


def test_a_list_changed_unseen_is_not_used(sealed):
    trust.keep("own", str(keys.local_ca_certificate()))
    (home() / "trust" / "own.pem").write_text("")
    with pytest.raises(UsageError, match="changed since"):
        verify(sealed.path)


def test_a_certificate_that_cannot_be(sealed, tmp_path):
    pem = keys.local_ca_certificate().read_text()
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    version = b"\xa0\x03\x02\x01\x02"
    assert der.count(version) == 1
    body = base64.encodebytes(der.replace(version, version[:-1] + b"\x0a")).decode()
    (tmp_path / "x.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
    with pytest.raises(UsageError) as caught:
        verify(sealed.path, trust=tmp_path / "x.pem")
    assert caught.value.code == "trust_list"


@pytest.mark.parametrize("name", ["", "../x", ".x", "a/b", "a" * 65])
def test_names_that_cannot_be(name, tmp_path):
    with pytest.raises(UsageError):
        trust.keep(name, str(tmp_path))


def test_lists_are_fetched_when_asked(sealed):
    pem = keys.local_ca_certificate().read_bytes()
    with serving(lambda _: pem, "application/x-pem-file") as url:
        assert run(["trust", "add", "fetched", f"{url}list.pem"]) == 0
        pem = b"nothing"
        assert run(["trust", "update"]) == 2
    (kept,) = trust.kept()
    assert (kept.name, kept.count, kept.source.startswith("http://127.0.0.1")) == ("fetched", 1, True)
    assert verify(sealed.path).state == "trusted"  # offline, with what is kept


@needs_openssl
def test_a_time_stamp_later(sealed, authority, tmp_path):
    with time_authority(authority) as url:
        reading = stamp(sealed.path, tmp_path / "stamped.mp4", url=url)
    assert reading.valid
    assert (reading.stamp or {})["authority"] == "time"
    found = verify(tmp_path / "stamped.mp4")
    assert found.state == "valid-untrusted"
    assert "untrusted: the authority is on no list that you gave" in said(found, "time-stamp:")
    assert found.manifest["time_stamp"] is None
    assert found.record_id == sealed.record_id
    assert found.manifest["generation"]["method"] == "pan"
    assert "untrusted" in said(found, "updated:")
    assert found.fingerprint["similarity"] is None  # still the very manifest that was sealed
    trust.keep("clock", str(authority.anchors), trust.TIMES)
    found = verify(tmp_path / "stamped.mp4", trust=keys.local_ca_certificate())
    assert found.state == "trusted"
    assert found.manifest["time_stamp"] == reading.stamp["time"]
    assert "by “time”, an authority of the trust list clock" in said(found, "time-stamp:")
    data = bytearray((tmp_path / "stamped.mp4").read_bytes())
    data[data.index(b"mdat") + 40] ^= 1
    (tmp_path / "x.mp4").write_bytes(data)
    assert verify(tmp_path / "x.mp4").state == "invalid"


@needs_openssl
def test_a_time_stamp_at_sealing(picture, draft, authority, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    with time_authority(authority) as url:
        monkeypatch.setenv("FACEWRIGHT_TSA_URL", url)
        sealed = seal_moving(picture, tmp_path / "x.mp4", draft)
    found = verify(sealed.path, time_trust=authority.anchors)
    assert (found.state, found.record_id) == ("valid-untrusted", sealed.record_id)
    assert found.manifest["time_stamp"]
    with pytest.raises(RefusedError) as caught:  # nobody answers there any more
        seal_moving(picture, tmp_path / "y.mp4", draft)
    assert caught.value.code == "stamp_failed"
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["x.mp4"]


@needs_openssl
def test_a_time_stamp_outlives_the_certificate(sealed, authority, tmp_path):
    leaf, chain, key = authority.issue("short", lasts=timedelta(hours=1, seconds=4))
    path = resealed(sealed, tmp_path / "short.mp4", chain, key)
    clock = Authority(tmp_path / "clock", "A clock")
    with time_authority(clock) as url:
        stamp(path, tmp_path / "stamped.mp4", url=url)
    time.sleep(max(0.0, (leaf.not_valid_after_utc - datetime.now(UTC)).total_seconds()) + 1)
    unstamped = verify(path, trust=authority.anchors)
    assert (unstamped.state, unstamped.manifest["expired"]) == ("valid-untrusted", True)
    assert "no time-stamp" in said(unstamped, "certificate:")
    own = [authority.anchors, keys.local_ca_certificate()]
    found = verify(tmp_path / "stamped.mp4", trust=own, time_trust=clock.anchors)
    assert (found.state, found.manifest["expired"]) == ("trusted", False), found.lines


@needs_openssl
@pytest.mark.parametrize(("status", "state"), [("good", "trusted"), ("revoked", "revoked"), ("unknown", "trusted")])
def test_revocation_by_ocsp(sealed, authority, tmp_path, status, state):
    leaf, chain, key = authority.issue("signer")
    path = resealed(sealed, tmp_path / "x.mp4", chain, key)
    with ocsp_responder(authority, {leaf: status} if status != "unknown" else {}) as url:
        found = verify(path, trust=authority.anchors, enquiry=Enquiry(responder=url))
    assert (found.state, found.manifest["revocation"]) == (state, status)
    expected = {"good": "checked, not revoked", "revoked": "is revoked since", "unknown": "unknown, the responder"}
    assert expected[status] in said(found, "revocation:")
    assert verify(path, trust=authority.anchors).manifest["revocation"] == "not checked"


@needs_openssl
def test_only_the_issuer_or_whom_it_appointed_may_answer(sealed, authority, tmp_path):
    leaf, chain, key = authority.issue("signer")
    path = resealed(sealed, tmp_path / "x.mp4", chain, key)
    authority.issue("appointed", purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,))
    authority.issue("anybody")
    for signer, answer in (("appointed", "revoked"), ("anybody", "unknown")):
        with ocsp_responder(authority, {leaf: "revoked"}, signer) as url:
            found = verify(path, trust=authority.anchors, enquiry=Enquiry(responder=url))
        assert found.manifest["revocation"] == answer, signer


def test_a_responder_that_is_silent_or_talks_nonsense(sealed, authority, tmp_path):
    _, chain, key = authority.issue("signer")
    path = resealed(sealed, tmp_path / "x.mp4", chain, key)
    with serving(lambda _: b"nonsense", "text/plain") as url:
        assert verify(path, trust=authority.anchors, enquiry=Enquiry(responder=url)).manifest["revocation"] == "unknown"
    found = verify(path, trust=authority.anchors, enquiry=Enquiry(responder=url))
    assert "cannot be fetched" in said(found, "revocation: unknown")


def test_what_a_certificate_names_must_be_public_and_vouched_for(sealed, authority, tmp_path):
    _, chain, key = authority.issue("signer", responder="http://127.0.0.1:1/")
    path = resealed(sealed, tmp_path / "x.mp4", chain, key)
    found = verify(path, trust=authority.anchors, enquiry=Enquiry(ask=True))
    assert "127.0.0.1 is not a public address" in said(found, "revocation: unknown")
    found = verify(path, enquiry=Enquiry(ask=True))
    assert "no trust list vouches" in said(found, "revocation: not checked")


@pytest.mark.parametrize(
    ("revoked", "days", "state"), [(True, 1, "revoked"), (False, 1, "good"), (True, -1, "unknown")]
)
def test_revocation_by_list(sealed, authority, tmp_path, revoked, days, state):
    leaf, chain, key = authority.issue("signer")
    path = resealed(sealed, tmp_path / "x.mp4", chain, key)
    crl = authority.revocation_list(*([leaf] if revoked else []), days=days)
    found = verify(path, enquiry=Enquiry(lists=(crl,)))
    assert found.manifest["revocation"] == state
    other = Authority(tmp_path / "other", "A test authority")  # of the same name
    assert verify(path, enquiry=Enquiry(lists=(other.revocation_list(leaf),))).manifest["revocation"] == "unknown"
    (tmp_path / "no.crl").write_text("nothing")
    with pytest.raises(UsageError) as caught:
        verify(path, enquiry=Enquiry(lists=(tmp_path / "no.crl",)))
    assert caught.value.code == "bad_crl"


def test_a_signature_older_than_the_revocation_stands_unless_the_key_was_lost():
    late = Revocation("revoked", since="2026-02-01T00:00:00Z", reason="superseded")
    assert late.after("2026-01-01T00:00:00+00:00")
    assert not late.after("2026-03-01T00:00:00+00:00")
    assert not late.after(None)
    assert not Revocation("revoked", since="2026-02-01T00:00:00Z", reason="keyCompromise").after("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "http://",
        "file:///etc/passwd",
        "http://a:b@example.org/",
        "http://[::1",
        "http://127.0.0.1/",
    ],
)
def test_addresses_that_are_not_asked(url):
    with pytest.raises(InputError) as caught:
        fetch(url)
    assert caught.value.code == "fetch_refused"


def test_an_answer_without_end():
    with serving(lambda _: b"x" * 2000, "text/plain") as url, pytest.raises(InputError, match="longer than"):
        fetch(url, body=b"", private=True, limit=1000)


def test_a_sidecar(sealed, tmp_path):
    """A manifest beside the file counts as one inside; beside a Matroska file its bytes cannot be the signed ones."""
    import av
    from facewright.provenance.boxes import embedded_manifest

    with open(sealed.path, "rb") as file:
        store = embedded_manifest(file)
    assert store
    with av.open(str(sealed.path)) as reading, av.open(str(tmp_path / "clip.mkv"), "w") as writing:
        streams = {stream.index: writing.add_stream_from_template(stream) for stream in reading.streams}
        for packet in reading.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                writing.mux(packet)
    sealed.path.rename(tmp_path / "elsewhere.mp4")
    (tmp_path / "clip.c2pa").write_bytes(store)
    found = verify(tmp_path / "clip.mkv")
    assert found.manifest["sidecar"] == "clip.c2pa"
    assert found.state == "invalid"
    assert found.record_id == sealed.record_id
    assert "not those that were signed" in said(found, "manifest:")
    assert read_manifest(tmp_path / "clip.mkv").intact


@pytest.mark.parametrize("gap", [None, (10, 5), (0, 4), (96, 4)])
def test_a_data_hash_leaves_out_what_it_says(gap):
    data = bytes(range(100))
    kept = data if gap is None else data[: gap[0]] + data[gap[0] + gap[1] :]
    stated = {"alg": "sha256", "hash": f"b64'{base64.b64encode(hashlib.sha256(kept).digest()).decode()}'"}
    stated |= {"exclusions": [{"start": gap[0], "length": gap[1]}]} if gap else {}
    assert fits(io.BytesIO(data), stated)
    assert not fits(io.BytesIO(data[:50] + b"!" + data[51:]), stated)
    for wrong in ({"start": 90, "length": 20}, {"start": -1, "length": 1}, {"start": 1}, {"start": 1, "length": -1}):
        assert not fits(io.BytesIO(data), stated | {"exclusions": [wrong]})
    assert not fits(io.BytesIO(data), stated | {"alg": "md5"})
    assert not fits(io.BytesIO(data), {})
