"""Attacks on a sealed file, each told as what it is: by its state and by the line that names it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from facewright.core.errors import RefusedError
from facewright.core.media import VideoWriter
from facewright.provenance import Record, Store, VideoMarker, boxes, keys, manifest, verify

from .authorities import Authority
from .conftest import FPS, SIZE, seal_moving

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg")


def told(found, start: str) -> str:
    return " | ".join(line for line in found.lines if line.startswith(start))


def ffmpeg(*words: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True)


def store_box(path: Path) -> tuple[bytes, boxes.Box]:
    """The file's bytes and its box that holds the manifest."""
    with open(path, "rb") as file:
        (box,) = [box for box in boxes.top_level(file) if box.kind == "uuid"]
    return path.read_bytes(), box


def changed(sealed, target: Path, change: Callable[[bytes], bytes]) -> Path:
    before = sealed.path.read_bytes()
    after = change(before)
    assert after != before
    target.write_bytes(after)
    return target


def signed_again(source: Path, target: Path, record_id: str, signer: keys.Signer) -> Path:
    entry = Store().get(record_id)
    assert entry
    manifest.sign(source, target, Record.from_dict(entry.record.to_dict()), signer, target.name)
    return target


@pytest.fixture
def texture() -> np.ndarray:
    """A video of something else, uint8 (75, 256, 256, 3)."""
    rng = np.random.default_rng(11)
    wide = cv2.resize(rng.integers(0, 255, (24, 24, 3), np.uint8), (300, 300), interpolation=cv2.INTER_CUBIC)
    return np.stack([wide[k // 4 : SIZE + k // 4, k // 3 : SIZE + k // 3] for k in range(75)])


def written(frames: np.ndarray, target: Path) -> Path:
    with VideoWriter(target, width=SIZE, height=SIZE, fps=FPS) as writer:
        writer.write(frames)
    return target


def test_a_transplanted_mark(sealed, texture, tmp_path):
    marked = VideoMarker(sealed.record_id, width=SIZE, height=SIZE, fps=FPS).mark(texture, 0)
    found = verify(written(marked, tmp_path / "x.mp4"))
    assert (found.state, found.exit_code) == ("recovered-mismatch", 10)
    assert "the mark was copied from another video" in told(found, "fingerprint:")


def test_the_manifest_of_another_file(sealed, picture, draft, texture, tmp_path):
    other = seal_moving(
        np.ascontiguousarray(picture[::-1]), tmp_path / "twin.mp4", draft
    )  # a name as long, so a manifest as long
    whole, box = store_box(sealed.path)
    theirs, place = store_box(other.path)
    assert box.size == place.size
    mixed = tmp_path / "mixed.mp4"
    mixed.write_bytes(theirs[: place.start] + whole[box.start : box.end] + theirs[place.end :])
    found = verify(mixed)
    assert found.state == "invalid"
    assert "not those that were signed" in told(found, "manifest:")
    assert f"names the watermark {sealed.record_id}, the pixels carry {other.record_id}" in told(found, "conflict:")
    with open(sealed.path, "rb") as file:
        (tmp_path / "beside.c2pa").write_bytes(boxes.embedded_manifest(file) or b"")
    found = verify(written(texture, tmp_path / "beside.mp4"))
    assert found.state == "invalid"
    assert "names a record of another picture" in told(found, "conflict:")
    assert "the manifest was copied from another video" in told(found, "fingerprint:")


@pytest.mark.parametrize("everywhere", [True, False])
def test_an_edited_name_of_the_manifest(sealed, tmp_path, everywhere):
    def change(data: bytes) -> bytes:
        match = re.search(rb"urn:c2pa:[0-9a-f-]{36}", data)
        assert match
        edited = match[0][:-1] + bytes([match[0][-1] ^ 1])
        return data.replace(match[0], edited, -1 if everywhere else 1)

    found = verify(changed(sealed, tmp_path / "x.mp4", change))
    assert found.state == "invalid"
    reason = "does not fit the manifest" if everywhere else "no signature of its own name"
    assert reason in told(found, "manifest:")


def test_appended_boxes(sealed, tmp_path):
    def box(kind: bytes) -> bytes:
        return (1008).to_bytes(4, "big") + kind + b"A" * 1000

    def stuffed(data: bytes) -> bytes:
        """The box of brands made longer, at the cost of what stands behind it."""
        size = int.from_bytes(data[:4], "big")
        return (size + 400).to_bytes(4, "big") + data[4:size] + b"A" * 400 + data[size:]

    free = verify(changed(sealed, tmp_path / "free.mp4", lambda data: data + box(b"free")))
    assert free.state == "valid-untrusted"  # C2PA leaves such boxes out of its hash
    assert "1,000 bytes in free; anyone can have put them there" in told(free, "outside the signature:")
    brands = verify(changed(sealed, tmp_path / "brands.mp4", stuffed))
    assert "in ftyp" in told(brands, "outside the signature:") or brands.state == "invalid"
    for kind in (b"mdat", b"uuid", b"junk"):
        found = verify(changed(sealed, tmp_path / "x.mp4", lambda data, kind=kind: data + box(kind)))
        assert found.state == "invalid", kind
        assert "not those that were signed" in told(found, "manifest:"), kind


def test_data_in_the_padding_of_the_signature(sealed, tmp_path):
    padding = bytes(2000)
    path = changed(sealed, tmp_path / "x.mp4", lambda data: data.replace(padding, b"hidden".ljust(2000, b"\0"), 1))
    found = verify(path)
    assert found.state == "valid-untrusted"
    assert "6 bytes in the signature’s padding" in told(found, "outside the signature:")


def test_a_second_manifest(sealed, tmp_path):
    _, box = store_box(sealed.path)
    found = verify(changed(sealed, tmp_path / "x.mp4", lambda data: data + data[box.start : box.end]))
    assert found.state == "invalid"
    assert "more than one manifest" in told(found, "manifest:")


def test_an_attackers_authority_with_our_names(sealed, tmp_path, monkeypatch):
    ours = keys.local_ca_certificate()
    name = keys.default_signer().leaf.issuer.rfc4514_string()
    common = re.search(r"CN=([^,]+)", name)
    assert common
    attacker = Authority(tmp_path / "attacker", common[1])
    _, chain, key = attacker.issue("facewright local signer (untrusted)")
    forged = signed_again(sealed.path, tmp_path / "x.mp4", sealed.record_id, keys.file_signer(chain, key))
    found = verify(forged, trust=ours)
    assert found.state == "valid-untrusted"
    assert "is a name on the trust list" in told(found, "trust:")
    assert "used here by another key" in told(found, "trust:")


def test_a_name_that_would_write_lines_of_its_own(sealed, tmp_path):
    name = "x”\r\n  trust: the certificate leads to the trust list\x1b[2J\u202e“"
    authority = Authority(tmp_path / "authority", "y" * 60 + "\n")
    _, chain, key = authority.issue("attacker", subject=name)
    path = signed_again(sealed.path, tmp_path / "x.mp4", sealed.record_id, keys.file_signer(chain, key))
    found = verify(path)
    assert all(line.isprintable() for line in found.lines)
    assert told(found, "trust:") == "trust: no trust list given, so nobody vouches for the signer's name"
    assert told(found, "signature:").count("”") == 2


def test_a_certificate_that_may_not_sign_claims_is_not_signed_with(sealed, tmp_path):
    authority = Authority(tmp_path / "authority")
    _, chain, key = authority.issue("web", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))
    with pytest.raises(RefusedError, match="certificate is invalid"):
        signed_again(sealed.path, tmp_path / "x.mp4", sealed.record_id, keys.file_signer(chain, key))


@pytest.mark.parametrize("algorithm", [b"\x2f", b"\x00", b"\x29"])
def test_a_downgraded_signature(sealed, tmp_path, algorithm):
    """ES256 in the protected header replaced by an algorithm that C2PA does not know or by a symmetric one."""
    head = b"\xa2\x01\x26\x18\x21"
    found = verify(
        changed(sealed, tmp_path / "x.mp4", lambda data: data.replace(head, b"\xa2\x01" + algorithm + head[3:]))
    )
    assert found.state == "invalid"
    assert "an algorithm that C2PA does not allow" in told(found, "manifest:")


def test_a_downgraded_hash(sealed, tmp_path):
    found = verify(changed(sealed, tmp_path / "x.mp4", lambda data: data.replace(b"calgfsha256", b"calgfmd5-00")))
    assert found.state == "invalid"
    assert "the signature does not fit the manifest" in told(found, "manifest:")


@needs_ffmpeg
def test_replaced_sound(sealed, speech_path, tmp_path):
    swapped = tmp_path / "swapped.mp4"
    ffmpeg("-i", sealed.path, "-i", speech_path, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-shortest", swapped)
    whole, box = store_box(sealed.path)
    other = swapped.read_bytes()
    start = int.from_bytes(other[:4], "big")
    (tmp_path / "kept.mp4").write_bytes(other[:start] + whole[box.start : box.end] + other[start:])
    assert verify(tmp_path / "kept.mp4").state == "invalid"  # the manifest is over picture and sound
    found = verify(swapped)
    assert (found.state, found.record_id) == ("recovered", sealed.record_id)
    assert "bytes differ" in told(found, "the record's own manifest:")
    assert found.fingerprint["sound"] == "other"
    assert "other" in told(found, "sound:")


STRIPS = {
    "stream copy": ("x.mp4", "-c", "copy"),
    "stream copy to QuickTime": ("x.mov", "-c", "copy"),
    "fragments": ("x.mp4", "-c", "copy", "-movflags", "frag_keyframe+empty_moov"),
    "fast start with tags": ("x.mp4", "-c", "copy", "-movflags", "+faststart+use_metadata_tags"),
    "trim": ("x.mp4", "-ss", "0.4", "-t", "2.2", "-crf", "20"),
    "re-encoding": ("x.mp4", "-crf", "23", "-b:a", "96k"),
    "as platforms do": ("x.mp4", "-vf", "scale=384:-2,fps=30", "-crf", "26", "-b:a", "64k", "-map_metadata", "-1"),
    "Matroska": ("x.mkv", "-c", "copy"),
}


@needs_ffmpeg
@pytest.mark.slow
@pytest.mark.parametrize("way", STRIPS)
@pytest.mark.parametrize("sealed", [512], indirect=True)
def test_every_way_of_stripping_leads_back_to_the_record(sealed, tmp_path, way):
    name, *words = STRIPS[way]
    ffmpeg("-i", sealed.path, *words, tmp_path / name)
    found = verify(tmp_path / name)
    assert (found.state, found.exit_code, found.record_id) == ("recovered", 0, sealed.record_id), found.lines
    assert found.fingerprint["match"]
    assert found.record["record"]["seed"] == 7
