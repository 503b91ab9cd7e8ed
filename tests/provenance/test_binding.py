"""The hard binding made here: c2pa must find it valid, and every byte that counts must be under it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from facewright.core.media import VideoWriter
from facewright.provenance import Ingredient, Record, boxes, default_signer, manifest
from facewright.provenance.binding import Film
from facewright.provenance.reading import read_manifest

RECORD = Record(
    "m", "1", {}, 0, {}, (), record_id="0123456789abcdef", created="2026-01-01T00:00:00Z", versions={"facewright": "0"}
)


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    """A film of several blocks, about 3 MB, with sound."""
    path, rng = tmp_path_factory.mktemp("noise") / "noise.mp4", np.random.default_rng(0)
    with VideoWriter(path, width=512, height=512, fps=25, crf=4, audio_rate=16_000) as writer:
        for _ in range(2):
            writer.write(rng.integers(0, 255, (4, 512, 512, 3), np.uint8))
            writer.write_audio(rng.normal(0, 0.1, 2560).astype(np.float32))
    assert path.stat().st_size > 2 << 20
    return path


@pytest.fixture
def signed(noise, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    assert Film.of(noise)
    manifest.sign(noise, tmp_path / "signed.mp4", RECORD, default_signer(), "signed.mp4")
    return tmp_path / "signed.mp4"


def test_c2pa_finds_it_valid_and_it_plays(noise, signed):
    reading = read_manifest(signed)
    assert (reading.valid, reading.failures) == (True, ("signingCredential.untrusted",))

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux() if packet.dts is not None]

    assert packets(signed) == packets(noise)


def test_every_byte_that_counts_is_bound(signed, tmp_path):
    data = signed.read_bytes()
    with open(signed, "rb") as file:
        places = {box.kind: box for box in boxes.top_level(file)}
    media, index = places["mdat"], places["moov"]
    spots = [media.body, media.body + 8, media.body + (1 << 20) + 8, media.body + (1 << 20) + 7, media.end - 1]
    spots += [index.body + 40, index.end - 1]
    for spot in spots:
        changed = bytearray(data)
        changed[spot] ^= 1
        (tmp_path / "x.mp4").write_bytes(changed)
        assert "assertion.bmffHash.mismatch" in read_manifest(tmp_path / "x.mp4").failures, spot


def test_blocks_may_not_change_places(signed, tmp_path):
    data = bytearray(signed.read_bytes())
    with open(signed, "rb") as file:
        (media,) = [box for box in boxes.top_level(file) if box.kind == "mdat"]
    first, second = media.start + 16, media.start + 16 + (1 << 20)
    data[first:second], data[second : second + (1 << 20)] = data[second : second + (1 << 20)], data[first:second]
    (tmp_path / "x.mp4").write_bytes(data)
    assert not read_manifest(tmp_path / "x.mp4").valid


def test_the_key_signs_once(noise, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    asked, signer = [], default_signer()
    counting = dataclasses.replace(signer, sign=lambda data: asked.append(data) or signer.sign(data))
    manifest.sign(noise, tmp_path / "x.mp4", RECORD, counting, "x.mp4")
    assert len(asked) == 1


def test_other_layouts_are_left_to_c2pa(noise, signed, tmp_path):
    assert Film.of(signed) is None  # it has a manifest already
    (tmp_path / "more.mp4").write_bytes(noise.read_bytes() + (16).to_bytes(4, "big") + b"junk" + b"12345678")
    assert Film.of(tmp_path / "more.mp4") is None
    manifest.sign(tmp_path / "more.mp4", tmp_path / "x.mp4", RECORD, default_signer(), "x.mp4")
    assert read_manifest(tmp_path / "x.mp4").valid
    (tmp_path / "cut.mp4").write_bytes(noise.read_bytes()[:-1])
    assert Film.of(tmp_path / "cut.mp4") is None


def test_one_file_of_fragments_is_read(noise, tmp_path, monkeypatch):
    """As other tools sign it, with one hash over all of it; c2pa has no block hashes for such a file."""
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    with (
        av.open(str(noise)) as reading,
        av.open(str(tmp_path / "pieces.mp4"), "w", options={"movflags": "frag_keyframe+empty_moov"}) as writing,
    ):
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for packet in reading.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                writing.mux(packet)
    with (
        c2pa.Context.from_dict(manifest.OFFLINE) as context,
        c2pa.Builder.from_json(manifest.definition(RECORD, "pieces.mp4"), context=context) as builder,
        open(tmp_path / "pieces.mp4", "rb") as source,
        open(tmp_path / "signed.mp4", "w+b") as target,
    ):
        builder.sign(manifest.native_signer(default_signer()), "video/mp4", source, target)
    assert read_manifest(tmp_path / "signed.mp4").valid
    data = bytearray((tmp_path / "signed.mp4").read_bytes())
    data[-1000] ^= 1
    (tmp_path / "signed.mp4").write_bytes(data)
    assert not read_manifest(tmp_path / "signed.mp4").valid


def test_the_hash_of_an_ingredient_stays_its_own(noise, signed, tmp_path):
    """A driving clip that is signed itself brings its manifest along, with a hash of the same name."""
    record = dataclasses.replace(RECORD, ingredients=(Ingredient(signed, "video").measured(),))
    manifest.sign(noise, tmp_path / "x.mp4", record, default_signer(), "x.mp4")
    reading = read_manifest(tmp_path / "x.mp4")
    assert (reading.valid, reading.failures) == (True, ("signingCredential.untrusted",))
    assert reading.report
    assert len(reading.report["manifests"]) == 2
