"""What the service answers: the right manifest, nothing of another, and no more than it must."""

from __future__ import annotations

import base64
import socket
from urllib.parse import quote, urlencode

import av
import cv2
import numpy as np
import pytest
from facewright.core.media import VideoReader, VideoWriter
from facewright.provenance import Store
from facewright.provenance.jumbf import manifests
from facewright.provenance.reading import read_manifest
from facewright.provenance.softbinding import ALGORITHM, SOUND_ALGORITHM


def coded(record_id: str) -> str:
    return base64.b64encode(record_id.encode()).decode()


@pytest.fixture
def entry(sealed):
    return Store(f"sqlite:///{sealed.path.parent / 'home' / 'records.sqlite'}").get(sealed.record_id)


@pytest.fixture
def label(entry) -> str:
    return read_manifest(entry.manifest).label


def reencoded(path, target, change=lambda frame: frame) -> bytes:
    frames = np.stack([change(frame) for chunk in VideoReader(path) for frame in chunk])
    with VideoWriter(target, width=frames.shape[2], height=frames.shape[1], fps=25, crf=28) as writer:
        writer.write(frames)
    return target.read_bytes()


@pytest.mark.parametrize("algorithm", [ALGORITHM, SOUND_ALGORITHM])
def test_by_binding(ask, sealed, label, algorithm):
    asked = urlencode({"alg": algorithm, "value": coded(sealed.record_id)})
    assert ask(f"/matches/byBinding?{asked}").json == {"matches": [{"manifestId": label}]}
    body = f'{{"alg": "{algorithm}", "value": "{coded(sealed.record_id)}"}}'.encode()
    reply = ask("/matches/byBinding?maxResults=1", body, Content_Type="application/json")
    assert reply.json == {"matches": [{"manifestId": label}]}


def test_a_binding_that_nobody_here_made(ask):
    asked = urlencode({"alg": ALGORITHM, "value": coded("0" * 16)})
    assert ask(f"/matches/byBinding?{asked}").json == {"matches": []}


WRONG = {
    "another algorithm": {"alg": "com.example.1", "value": coded("0" * 16)},
    "not base64": {"alg": ALGORITHM, "value": "§§"},
    "too short": {"alg": ALGORITHM, "value": coded("0" * 15)},
    "not hex": {"alg": ALGORITHM, "value": coded("x" * 16)},
    "no value": {"alg": ALGORITHM},
    "no algorithm": {"value": coded("0" * 16)},
    "no results": {"alg": ALGORITHM, "value": coded("0" * 16), "maxResults": 0},
    "an injection": {"alg": ALGORITHM, "value": coded("' OR 1=1 --     ")},
}


@pytest.mark.parametrize("what", WRONG)
def test_queries_that_cannot_be(ask, what):
    reply = ask(f"/matches/byBinding?{urlencode(WRONG[what])}")
    assert reply.status == 400
    assert set(reply.json) == {"error"}


def test_a_value_too_long_for_a_url(ask):
    assert ask(f"/matches/byBinding?alg={ALGORITHM}&value={'A' * 3000}").status == 414


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"alg": 1}', b"[" * 50_000])
def test_documents_that_are_no_query(ask, body):
    assert ask("/matches/byBinding", body, Content_Type="application/json").status == 400


def test_a_manifest(ask, entry, label):
    reply = ask(f"/manifests/{quote(label)}")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/c2pa")
    assert reply.body == entry.manifest
    active = ask(f"/manifests/{quote(label)}?returnActiveManifest=true").body
    assert manifests(active) == manifests(entry.manifest)[-1:]
    assert read_manifest(active).label == label


def test_manifests_that_are_not_here(ask):
    assert ask("/manifests/urn:c2pa:00000000-0000-4000-8000-000000000000").status == 404
    assert ask("/manifests/nonsense").status == 400
    assert ask("/manifests/..%2f..%2frecords.sqlite").status in (400, 404)
    assert ask("/manifests/urn:c2pa:x?returnActiveManifest=perhaps").status == 400


def test_algorithms(ask):
    assert ask("/services/supportedAlgorithms").json == {
        "watermarks": [{"alg": ALGORITHM}, {"alg": SOUND_ALGORITHM}],
        "fingerprints": [],
    }


def test_by_content_of_a_stripped_video(ask, sealed, label, tmp_path):
    body = reencoded(sealed.path, tmp_path / "stripped.mp4")
    (match,) = ask("/matches/byContent", body, Content_Type="video/mp4").json["matches"]
    assert match["manifestId"] == label
    assert match["similarityScore"] in (90, 100)  # in steps, so that it is no gauge


def test_by_content_of_a_picture_that_lost_its_mark(ask, sealed, label, tmp_path):
    """Blurred beyond any mark: only what it looks like is left."""
    body = reencoded(sealed.path, tmp_path / "blurred.mp4", lambda frame: cv2.GaussianBlur(frame, (0, 0), 1.2)[:, ::-1])
    matches = ask("/matches/byContent", body, Content_Type="video/mp4").json["matches"]
    assert [match["manifestId"] for match in matches] == [label]


def test_by_content_of_another_video(ask, sealed, tmp_path):
    from skimage.data import coffee

    other = cv2.resize(coffee(), (256, 256))
    body = reencoded(sealed.path, tmp_path / "other.mp4", lambda _: other)
    assert ask("/matches/byContent", body).json == {"matches": []}
    hint = urlencode({"hintAlg": ALGORITHM, "hintValue": coded(sealed.record_id)})
    assert ask(f"/matches/byContent?{hint}", body).json == {"matches": []}  # a hint is not believed


def test_by_content_with_a_hint(ask, sealed, label):
    hint = urlencode({"hintAlg": ALGORITHM, "hintValue": coded(sealed.record_id)})
    (match,) = ask(f"/matches/byContent?{hint}", sealed.path.read_bytes()).json["matches"]
    assert match["manifestId"] == label
    assert ask(f"/matches/byContent?hintAlg={ALGORITHM}", sealed.path.read_bytes()).status == 400


def test_uploads_that_cannot_be(ask, sealed):
    for body in (b"not a video" * 50, b"\0" * 1000, b"x", b""):
        assert ask("/matches/byContent", body, Content_Type="video/mp4").status == 415
    reply = ask("/matches/byContent", b"\0" * (2**20 + 1))
    assert reply.status == 413


def test_an_endless_upload_without_a_length_ends_at_the_limit(ask):
    host, port = ask.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            f"POST /matches/byContent HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        block = b"%x\r\n%s\r\n" % (65536, b"\0" * 65536)
        try:
            for _ in range(64):
                connection.sendall(block)
        except OSError:
            pass  # the server has closed
        assert connection.recv(12) in (b"HTTP/1.1 413", b"")


def test_nothing_of_an_upload_stays(ask, sealed):
    temporary = sealed.path.parent / "tmp"
    ask("/matches/byContent", sealed.path.read_bytes())
    ask("/matches/byContent", b"x")
    assert [*temporary.iterdir()] == []


def test_an_answer_tells_no_paths(ask, sealed, entry):
    for path in ("/matches/byContent", "/manifests/x", "/nonsense", "/matches/byBinding"):
        said = ask(path, b"\0" * 40 if "Content" in path else None).body.decode()
        assert str(sealed.path.parent) not in said
        assert "portrait.png" not in said


def test_a_video_of_many_hours_is_not_looked_into(sealed, tmp_path, monkeypatch):
    from facewright.core.errors import InputError
    from facewright.serve import resolution

    monkeypatch.setattr(resolution, "LONGEST", 2.5)
    with pytest.raises(InputError) as caught:
        resolution.by_content(Store("sqlite://"), sealed.path, 10)
    assert caught.value.code == "too_large"


def test_it_reaches_out_to_nobody(sealed, tmp_path, monkeypatch):
    """Not even for a manifest that says it is kept elsewhere; the same code, in this process."""
    from facewright.serve import resolution

    def never(*_, **__):
        raise AssertionError("the network was reached for")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(f"socket.socket.{name}", never)
    monkeypatch.setattr("socket.getaddrinfo", never)
    store = Store(f"sqlite:///{sealed.path.parent / 'home' / 'records.sqlite'}")
    reencoded(sealed.path, tmp_path / "x.mp4")
    assert len(resolution.by_content(store, tmp_path / "x.mp4", 10)) == 1


def test_names_that_a_browser_could_be_lured_to(ask):
    assert ask("/services/supportedAlgorithms", Host="evil.example").status == 400
    assert ask("/services/supportedAlgorithms", Host="localhost:1").status == 200


def test_a_clip_in_another_container(ask, sealed, label, tmp_path):
    with av.open(str(sealed.path)) as reading, av.open(str(tmp_path / "x.mkv"), "w") as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for packet in reading.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                writing.mux(packet)
    matches = ask("/matches/byContent", (tmp_path / "x.mkv").read_bytes()).json["matches"]
    assert [match["manifestId"] for match in matches] == [label]
