"""Manifests in a manifest store, by their boxes; bytes that are none give none."""

from __future__ import annotations

import struct

from facewright.provenance import Store
from facewright.provenance.jumbf import active_label, active_only, manifests
from facewright.provenance.reading import read_manifest
from hypothesis import given
from hypothesis import strategies as st


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def superbox(label: bytes, *children: bytes, toggles: int = 3) -> bytes:
    return box(b"jumb", box(b"jumd", bytes(16) + bytes([toggles]) + label + b"\0") + b"".join(children))


def test_the_active_manifest_is_the_last():
    first, second = superbox(b"urn:c2pa:1", box(b"cbor", b"1")), superbox(b"urn:c2pa:2", box(b"cbor", b"22"))
    store = superbox(b"c2pa", first, second)
    assert manifests(store) == [("urn:c2pa:1", first), ("urn:c2pa:2", second)]
    assert active_label(store) == "urn:c2pa:2"
    assert active_only(store) == superbox(b"c2pa", second)
    assert active_only(active_only(store)) == active_only(store)


def test_the_label_is_the_one_that_c2pa_reads(sealed):
    entry = Store().get(sealed.record_id)
    assert active_label(entry.manifest) == read_manifest(entry.manifest).label


def test_other_bytes():
    inner = superbox(b"urn:c2pa:1")
    for data in (
        b"",
        b"manifest",
        superbox(b"other", inner),
        superbox(b"c2pa", inner)[:-1],
        superbox(b"c2pa", inner) + b"x",
        superbox(b"c2pa", inner, toggles=0),
        superbox(b"c2pa", b"\0\0\0\4jumb"),
        superbox(b"c2pa", b"\xff\xff\xff\xffjumb"),
        superbox(b"c2pa", superbox(b"\xff\xfe")),
    ):
        assert active_label(data) is None
        assert active_only(data) == data


@given(st.binary(max_size=200), st.integers(0, 150), st.binary(min_size=1, max_size=8))
def test_hostile_bytes(data, at, change):
    store = superbox(b"c2pa", superbox(b"urn:c2pa:1", box(b"cbor", b"1")), superbox(b"urn:c2pa:2"))
    for hostile in (data, store[:at] + change + store[at + len(change) :], superbox(b"c2pa", data)):
        assert all(isinstance(label, str) for label, _ in manifests(hostile))
        assert isinstance(active_only(hostile), bytes)
