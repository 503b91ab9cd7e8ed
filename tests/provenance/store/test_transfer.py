"""Export and import: what arrives is what left, and nothing arrives that was not signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import numpy as np
import pytest
from facewright.core.errors import InputError, UsageError
from facewright.provenance import Record, Store, default_signer, manifest
from facewright.provenance.fingerprint import Fingerprint, digest
from facewright.provenance.keys import local_ca_certificate
from facewright.provenance.store import transfer
from facewright.provenance.trust import TrustList


@pytest.fixture
def exported(sealed, tmp_path):
    path = tmp_path / "records.jsonl"
    assert transfer.save(Store(), path) == 1
    return path


def test_a_row_arrives_as_it_left(exported, sealed, store):
    loaded = transfer.load(store, exported)
    assert (loaded.added, loaded.present, loaded.refused) == (1, 0, [])
    assert store.get(sealed.record_id) == Store().get(sealed.record_id)
    assert store.audit().findings == ()
    loaded = transfer.load(store, exported)
    assert (loaded.added, loaded.present, loaded.refused) == (0, 1, [])
    assert store.by_label(manifest_label(store, sealed)) == store.get(sealed.record_id)
    assert store.by_label("urn:c2pa:other") is None


def manifest_label(store: Store, sealed) -> str:
    from facewright.provenance.reading import read_manifest

    return read_manifest(store.get(sealed.record_id).manifest).label


def test_the_file_is_private_and_not_written_over(exported):
    assert exported.stat().st_mode & 0o777 == 0o600
    before = exported.read_bytes()
    with pytest.raises(UsageError) as caught:
        transfer.save(Store(), exported)
    assert caught.value.code == "output_exists"
    assert transfer.save(Store(), exported, force=True) == 1
    assert exported.read_bytes() == before


def test_only_signers_on_the_list(exported, store, tmp_path, user_identity):
    own = TrustList.load(local_ca_certificate())
    strange = TrustList.load(user_identity("ES256")[0])
    assert "does not lead" in transfer.load(store, exported, trust=[strange]).refused[0][1]
    assert len(store) == 0
    assert transfer.load(store, exported, trust=[own]).added == 1


def row(exported, change: Callable[[dict], object]) -> None:
    head, line = exported.read_text().splitlines()
    content = json.loads(line)
    change(content)
    exported.write_text(f"{head}\n{json.dumps(content)}\n")


def edit(name: str, **fields) -> Callable[[dict], object]:
    return lambda row: row[name].update(fields)


def flipped(name: str, at: int) -> Callable[[dict], object]:
    def change(row: dict) -> None:
        data = bytearray(base64.b64decode(row[name]))
        data[at] ^= 1
        row[name] = base64.b64encode(data).decode()

    return change


HOSTILE = {
    "another seed": (edit("record", seed=8), "not what the manifest says"),
    "another id": (edit("record", record_id="0" * 16), "not what the manifest says"),
    "another fingerprint digest": (edit("record", fingerprint_sha256="0" * 64), ""),
    "a fingerprint changed": (flipped("fingerprint", 20), ""),
    "a manifest changed": (flipped("manifest", 700), "does not hold"),
    "a manifest cut": (lambda row: row.update(manifest=row["manifest"][:400]), "does not hold"),
    "no manifest": (lambda row: row.pop("manifest"), "no row"),
    "not base64": (lambda row: row.update(manifest="§"), "no row"),
    "a number for a record": (lambda row: row.update(record=4), "not a record"),
    "ingredients that are none": (edit("record", ingredients=[1]), "not a record"),
    "a method that is none": (edit("record", method=["x"] * 3), "not of its kind"),
    "a very long method": (edit("record", method="x" * 65), "not of its kind"),
    "a source type that is none": (edit("record", digital_source_type=3), "no row"),
}


@pytest.mark.parametrize("deed", HOSTILE)
def test_hostile_rows_are_refused(exported, tmp_path, deed):
    change, said = HOSTILE[deed]
    row(exported, change)
    store = Store(f"sqlite:///{tmp_path / 'other.db'}")
    ((line, reason),) = transfer.load(store, exported).refused
    assert line == 2
    assert said in reason
    assert len(store) == 0


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b'{"record": {}}', b'"' + b"x" * 3000]
)
def test_lines_that_are_no_rows(exported, tmp_path, line, monkeypatch):
    monkeypatch.setattr(transfer, "LONGEST_LINE", 2000)
    head, rest = exported.read_bytes().split(b"\n", 1)
    monkeypatch.setattr(transfer, "LONGEST_LINE", max(2000, len(rest) + 1))
    exported.write_bytes(head + b"\n" + line + b"\n" + rest)
    loaded = transfer.load(Store(f"sqlite:///{tmp_path / 'other.db'}"), exported)
    assert loaded.added == 1
    assert [number for number, _ in loaded.refused] == [2]


def test_a_line_without_end_is_not_held(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "LONGEST_LINE", 1000)
    loaded = transfer.load(Store(f"sqlite:///{tmp_path / 'other.db'}"), exported)
    assert "longer than" in loaded.refused[0][1]


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b'{"format": "other/1"}\n', b"\0" * 9000])
def test_files_that_are_no_exports(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError) as caught:
        transfer.load(Store(), tmp_path / "x")
    assert caught.value.code == "bad_index"
    with pytest.raises(InputError) as caught:
        transfer.load(Store(), tmp_path / "absent")
    assert caught.value.code == "unreadable"


def test_a_stranger_cannot_take_the_id_of_a_clip(sealed, tmp_path, exported):
    """A row that holds in itself, signed by whoever, for an id that is here."""
    entry = Store().get(sealed.record_id)
    noise = np.random.default_rng(0).integers(0, 255, (160, 160), np.uint8)
    likeness = Fingerprint(1.0, (noise,)).to_bytes()
    fields = {"seed": 99, "created": "2031-01-01T00:00:00Z", "fingerprint_sha256": digest(likeness)}
    for change in (fields, {name: fields[name] for name in ("created", "fingerprint_sha256")}):
        forged = Record.from_dict({**entry.record.to_dict(), **change})
        (tmp_path / "forged.mp4").unlink(missing_ok=True)
        signed = manifest.sign(sealed.path, tmp_path / "forged.mp4", forged, default_signer(), "forged.mp4")
        blobs = {"manifest": signed, "fingerprint": likeness}
        line = {"record": forged.to_dict(), **{name: base64.b64encode(blob).decode() for name, blob in blobs.items()}}
        exported.write_text(exported.read_text().splitlines()[0] + "\n" + json.dumps(line) + "\n")
        alone = Store(f"sqlite:///{tmp_path / str(len(change))}.db")
        assert transfer.load(alone, exported).added == 1
        assert "another clip has the id" in transfer.load(Store(), exported).refused[0][1]
    assert Store().get(sealed.record_id) == entry
