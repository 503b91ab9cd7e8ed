"""Verdicts: each state from a file that deserves it, in words that claim no more than was checked."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError, UsageError
from facewright.core.media import VideoReader, VideoWriter
from facewright.core.paths import home
from facewright.provenance import (
    Record,
    Store,
    VideoMarker,
    certificates,
    default_signer,
    evidence,
    manifest,
    new_record_id,
    verify,
)
from facewright.provenance.keys import local_ca_certificate
from facewright.provenance.reading import read_manifest
from facewright.provenance.revocation import REVOKED, Revocation

FORBIDDEN = re.compile(r"\b(real|authentic|genuine|true|tamper.?proof|human|fake|not ai|proves?|guarantee\w*)\b", re.I)


def checked(path: Path, state: str, exit_code: int, **options):
    found = verify(path, **options)
    assert (found.state, found.exit_code) == (state, exit_code), found.lines
    for line in (*found.lines, *found.warnings):
        assert not FORBIDDEN.search(line), line
        assert "\n" not in line
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()
    return found


def said(found, start: str) -> str:
    return next(line for line in found.lines if line.startswith(start))


def remux(source: Path, target: Path) -> Path:
    """What `ffmpeg -c copy` does."""
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        streams = {stream.index: writing.add_stream_from_template(stream) for stream in reading.streams}
        for packet in reading.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                writing.mux(packet)
    return target


def reencode(source: Path, target: Path, change=lambda frame: frame, crf: float = 23) -> Path:
    frames = [change(frame) for chunk in VideoReader(source) for frame in chunk]
    height, width = frames[0].shape[:2]
    with VideoWriter(target, width=width, height=height, fps=25, crf=crf) as writer:
        writer.write(np.stack(frames))
    return target


def record(sealed, **fields) -> Record:
    entry = Store().get(sealed.record_id)
    assert entry
    return Record.from_dict({**entry.record.to_dict(), **fields})


def resign(source: Path, target: Path, record: Record) -> Path:
    manifest.sign(source, target, record, default_signer(), target.name)
    return target


def other_picture(target: Path, record_id: str | None) -> Path:
    """A video of something else that carries a copied mark."""
    rng = np.random.default_rng(5)
    texture = cv2.resize(rng.integers(0, 255, (24, 24, 3), np.uint8), (300, 300), interpolation=cv2.INTER_CUBIC)
    frames = np.stack([texture[k // 4 : 256 + k // 4, k // 3 : 256 + k // 3] for k in range(75)])
    if record_id:
        frames = VideoMarker(record_id, width=256, height=256, fps=25.0).mark(frames, 0)
    with VideoWriter(target, width=256, height=256, fps=25) as writer:
        writer.write(frames)
    return target


def test_sealed_here(sealed):
    found = checked(sealed.path, "valid-untrusted", 0)
    assert found.record_id == sealed.record_id
    assert found.watermark["record_id"] == sealed.record_id
    assert 0 < found.watermark["p_value"] < 1e-6
    assert found.manifest["present"]
    assert found.manifest["valid"]
    assert not found.manifest["trusted"]
    assert found.manifest["generation"]["method"] == "pan"
    assert found.record["found"]
    assert "secret-folder" not in json.dumps(found.to_dict())  # nor the command of the one who made it
    assert "untrusted" in said(found, "signature:")
    assert said(found, "bytes:") == "bytes: unchanged since signing"
    assert "no trust list" in said(found, "trust:")
    assert "none" in said(found, "time-stamp:")
    assert said(found, "revocation:") == "revocation: not checked"
    assert "AI-generated" in said(found, "the signed manifest says:")
    assert "no consent statement given" in said(found, "the signed manifest says:")
    assert found.fingerprint["similarity"] is None  # the very bytes: nothing to compare


def test_trusted(sealed, monkeypatch):
    found = checked(sealed.path, "trusted", 0, trust=local_ca_certificate())
    assert re.search(r"local-ca\.crt \(1 certificates, file of \d{4}-\d\d-\d\d\)", said(found, "trust:"))
    monkeypatch.setenv("FACEWRIGHT_TRUST", str(local_ca_certificate()))
    checked(sealed.path, "trusted", 0)


def test_a_stranger_on_the_trust_list(sealed, user_identity):
    found = checked(sealed.path, "valid-untrusted", 0, trust=user_identity("ES256")[0])
    assert "does not lead to" in said(found, "trust:")


def test_one_byte_changed(sealed):
    data = bytearray(sealed.path.read_bytes())
    data[-200] ^= 1
    sealed.path.write_bytes(data)
    found = checked(sealed.path, "invalid", 10)
    assert "not those that were signed" in said(found, "manifest:")
    assert found.watermark["record_id"] == sealed.record_id  # the mark still leads to the record
    assert found.record["found"]
    assert found.manifest["failures"] == ["assertion.bmffHash.mismatch", "signingCredential.untrusted"]
    assert not any(line.startswith("bytes: unchanged") for line in found.lines)


def test_junk_behind_the_file(sealed):
    with open(sealed.path, "ab") as file:
        file.write(b"junk junk junk")
    checked(sealed.path, "invalid", 10)


def test_bytes_outside_the_signature(sealed):
    with open(sealed.path, "ab") as file:
        file.write((1008).to_bytes(4, "big") + b"free" + b"A" * 1000)
    found = checked(sealed.path, "valid-untrusted", 0)
    assert "1,000 bytes in free" in said(found, "outside the signature:")
    assert found.manifest["unsigned_bytes"] == {"free": 1000}


CHANGES = {
    "remuxed": lambda source, target: remux(source, target),
    "re-encoded at CRF 23": lambda source, target: reencode(source, target),
    "three quarters in size": lambda source, target: reencode(source, target, lambda f: cv2.resize(f, (384, 384))),
    "cropped by a quarter": lambda source, target: reencode(source, target, lambda f: f[32:416, 80:464]),
    "mirrored": lambda source, target: reencode(source, target, lambda f: np.ascontiguousarray(f[:, ::-1])),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("sealed", [512], indirect=True)
def test_recovered_when_the_manifest_was_stripped(sealed, tmp_path, change):
    path = CHANGES[change](sealed.path, tmp_path / "stripped.mp4")
    found = checked(path, "recovered", 0)
    assert found.record_id == sealed.record_id
    assert found.record["record"]["seed"] == 7
    assert found.fingerprint["match"]
    assert said(found, "manifest:") == "manifest: none"
    assert "bytes differ" in said(found, "the record's own manifest:")


def test_a_container_without_manifests(sealed, tmp_path):
    found = checked(remux(sealed.path, tmp_path / "clip.mkv"), "recovered", 0)
    assert "not checked" in said(found, "manifest:")
    assert found.manifest["checked"] is False


def test_recovered_elsewhere(sealed, tmp_path, monkeypatch):
    path = remux(sealed.path, tmp_path / "stripped.mp4")
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "another home"))
    found = checked(path, "recovered", 11)
    assert found.record_id == sealed.record_id
    assert said(found, "record:") == "record: not in this store"
    assert not (tmp_path / "another home").exists()  # asking leaves no trace


def test_nothing(tmp_path):
    found = checked(other_picture(tmp_path / "x.mp4", None), "nothing-found", 11)
    assert found.record_id is None
    assert "no information" in found.lines[-1]


def test_a_mark_copied_onto_another_picture(sealed, tmp_path):
    found = checked(other_picture(tmp_path / "x.mp4", sealed.record_id), "recovered-mismatch", 10)
    assert found.fingerprint["match"] is False
    assert "mismatch" in said(found, "fingerprint:")


def test_a_manifest_that_names_another_mark(sealed, tmp_path):
    path = resign(sealed.path, tmp_path / "x.mp4", record(sealed, record_id=new_record_id()))
    found = checked(path, "conflict", 10)
    assert found.record_id is None
    assert sealed.record_id in said(found, "conflict:")


def test_a_camera_manifest_on_generated_pixels(sealed, tmp_path, monkeypatch):
    stripped = remux(sealed.path, tmp_path / "stripped.mp4")
    camera = {
        "action": "c2pa.created",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
    }
    data = {"actions": [camera], "allActionsIncluded": True}
    assertions = [{"label": "c2pa.actions.v2", "created": True, "data": data}]
    monkeypatch.setattr(manifest, "definition", lambda *_: {"claim_version": 2, "assertions": assertions})
    monkeypatch.setattr(manifest.softbinding, "as_bytes", lambda manifest, data, _: (manifest, data))
    found = checked(resign(stripped, tmp_path / "camera.mp4", record(sealed)), "conflict", 10)
    assert "does not say so" in said(found, "conflict:")
    assert found.manifest["says_ai_generated"] is False


def test_someone_elses_manifest_with_our_names(sealed, tmp_path, monkeypatch):
    """An attacker with an authority of our names copies mark and record id onto another picture and signs it."""
    stolen = record(sealed, seed=8)
    marked = other_picture(tmp_path / "x.mp4", sealed.record_id)
    with monkeypatch.context() as attacker:
        attacker.setenv("FACEWRIGHT_HOME", str(tmp_path / "attacker"))
        forged = resign(marked, tmp_path / "forged.mp4", stolen)
    found = checked(forged, "conflict", 10)
    conflicts = [line for line in found.lines if line.startswith("conflict:")]
    assert any("differ in seed" in line for line in conflicts)
    assert any("another picture" in line for line in conflicts)


@pytest.mark.parametrize("change", ["record", "fingerprint", "manifest"])
def test_a_row_that_is_not_what_was_signed_is_no_evidence(sealed, tmp_path, change):
    path = remux(sealed.path, tmp_path / "stripped.mp4")
    other = {"record": "replace(record, '\"seed\": 7', '\"seed\": 9')", "fingerprint": "X'465746'", "manifest": "X'00'"}
    with sqlite3.connect(home() / "records.sqlite") as database:
        database.execute(f"UPDATE records SET {change} = {other[change]}")
    found = checked(path, "recovered", 11)
    assert "not what was signed" in found.warnings[0]
    assert found.record == {"found": False, "record": None}
    checked(sealed.path, "valid-untrusted", 0)


@pytest.mark.parametrize("value", ["'text'", "1.5", "CAST(X'ff' AS TEXT)"])
@pytest.mark.parametrize("column", ["record", "manifest", "fingerprint"])
def test_a_row_with_values_of_other_kinds(sealed, column, value):
    with sqlite3.connect(home() / "records.sqlite") as database:
        database.execute(f"UPDATE records SET {column} = {value}")
    found = checked(sealed.path, "valid-untrusted", 0)
    assert "store" in found.warnings[0]


def test_a_store_that_cannot_be_asked(sealed, tmp_path):
    (home() / "records.sqlite").write_bytes(b"not a database at all" * 100)
    found = checked(sealed.path, "valid-untrusted", 0)
    assert "store" in found.warnings[0]
    checked(remux(sealed.path, tmp_path / "x.mp4"), "recovered", 11)


def test_an_expired_certificate(sealed, tmp_path, monkeypatch):
    expiring = record(sealed)
    with monkeypatch.context() as patch:
        patch.setenv("FACEWRIGHT_HOME", str(tmp_path / "old"))
        patch.setattr(certificates, "LEAF_DAYS", 1 / 24 + 2 / 86_400)  # begins an hour ago, ends in two seconds
        end = default_signer().leaf.not_valid_after_utc
        path = resign(sealed.path, tmp_path / "x.mp4", expiring)
        time.sleep(max(0, (end - datetime.now(UTC)).total_seconds()) + 1)
    found = checked(path, "valid-untrusted", 0)
    assert found.manifest["expired"]
    assert "no time-stamp" in said(found, "certificate:")
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    checked(path, "invalid", 10)


def test_revoked_is_said_when_known(sealed, monkeypatch):
    stapled = Revocation(REVOKED, "an answer inside the manifest")
    reading = dataclasses.replace(read_manifest(sealed.path), valid=False, revocation=stapled)
    monkeypatch.setattr(evidence, "read_manifest", lambda *_, **__: reading)
    found = checked(sealed.path, "revoked", 10)
    assert "revoked" in said(found, "revocation:")


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 5000, b"\x00\x00\x00\x18ftypisom" + b"\xff" * 3000])
def test_files_that_are_no_media(tmp_path, content):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(InputError):
        verify(tmp_path / "x.mp4")


def test_files_that_are_not_there(tmp_path):
    for path in (tmp_path, tmp_path / "absent.mp4"):
        with pytest.raises(InputError, match="no file"):
            verify(path)


def test_trust_lists_that_cannot_be(sealed, tmp_path):
    (tmp_path / "list.pem").write_text("nothing")
    for path in (tmp_path / "list.pem", tmp_path / "absent.pem"):
        with pytest.raises(UsageError) as caught:
            verify(sealed.path, trust=path)
        assert caught.value.code == "trust_list"


def test_hostile_bytes_give_a_state_or_an_input_error(sealed, tmp_path):
    rng = np.random.default_rng(0)
    whole = sealed.path.read_bytes()
    states = set()
    for _ in range(15):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 4):
            data[at] = rng.integers(256)
        (tmp_path / "x.mp4").write_bytes(data[: rng.integers(1, len(data) + 1)] if rng.random() < 0.5 else data)
        try:
            states.add(verify(tmp_path / "x.mp4").state)
        except InputError:
            states.add("error")
    assert "invalid" in states
    assert not states & {"trusted", "valid-untrusted"}


def test_sound_alone(sealed, speech_path):
    found = checked(speech_path, "nothing-found", 11)
    assert found.watermark["checked"] is False
    assert "not looked for" in found.warnings[0]
