"""The signed manifest: what c2pa's own reader makes of it, and the rules of specification 2.4."""

from __future__ import annotations

import contextlib
import io
import json
import socket
from pathlib import Path

import c2pa
import pytest
from facewright.core.errors import RefusedError
from facewright.provenance import Ingredient, Record, Signer, Store, boxes, default_signer, manifest, softbinding
from facewright.provenance.keys import local_ca_certificate
from facewright.provenance.reading import read_manifest
from facewright.provenance.trust import TrustList

ALGORITHMS = "ES256", "ES384", "ES512", "Ed25519", "PS256"


def crjson(path: Path) -> dict:
    with c2pa.Reader("video/mp4", open(path, "rb")) as reader:
        return json.loads(reader.crjson())["manifests"][0]


def record_of(sealed, **fields) -> Record:
    entry = Store().get(sealed.record_id)
    assert entry
    return Record.from_dict({**entry.record.to_dict(), **fields})


def resign(sealed, tmp_path: Path, record: Record, signer: Signer) -> Path:
    target = tmp_path / "again.mp4"
    target.unlink(missing_ok=True)
    manifest.sign(sealed.path, target, record, signer, "again.mp4")
    return target


def test_an_independent_reader_finds_it_valid(sealed):
    """c2pa with its default settings, not ours."""
    with c2pa.Reader(str(sealed.path)) as reader:
        assert reader.get_validation_state() == "Valid"
        status = [entry["code"] for entry in json.loads(reader.json())["validation_status"]]
    assert status == ["signingCredential.untrusted"]


def test_trusted_with_our_authority_and_not_with_another(sealed, user_identity):
    own = read_manifest(sealed.path, trust=[TrustList.load(local_ca_certificate())])
    assert (own.valid, own.trusted, own.failures) == (True, True, ())
    stranger, _ = user_identity("ES256")
    other = read_manifest(sealed.path, trust=[TrustList.load(stranger)])
    assert (other.valid, other.trusted) == (True, False)


def test_the_rules_of_2_4(sealed):
    active = crjson(sealed.path)
    claim, assertions = active["claim.v2"], active["assertions"]
    actions = assertions["c2pa.actions.v2"]["actions"]
    assert active["label"].startswith("urn:c2pa:")
    assert claim["claim_generator_info"]["specVersion"] == "2.4"
    assert assertions["c2pa.actions.v2"]["allActionsIncluded"] is True
    assert [a["action"] for a in actions] == ["c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound"]
    opened, edited, _ = actions
    assert "digitalSourceType" not in opened
    assert len(opened["parameters"]["ingredients"]) == 1
    assert edited["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    first = next(a["url"] for a in claim["created_assertions"] if "c2pa.actions" in a["url"])
    assert first.endswith("c2pa.actions.v2")
    assert set(assertions) == {
        "c2pa.actions.v2", "c2pa.ingredient.v3", "c2pa.soft-binding", "c2pa.hash.bmff.v3", "c2pa.ai-disclosure",
        "org.facewright.generation",
    }  # fmt: skip
    assert assertions["c2pa.ingredient.v3"]["relationship"] == "parentOf"


def test_the_model_is_disclosed(sealed):
    said = crjson(sealed.path)["assertions"]["c2pa.ai-disclosure"]
    assert said["modelType"] == "c2pa.types.model.pytorch"
    assert said["modelName"] == "pan 1"
    assert said["contentProfile"] == {"humanOversightLevel": "prompt_guided"}
    unweighted = record_of(sealed, weights={})
    assert "c2pa.ai-disclosure" not in str(manifest.definition(unweighted, "clip.mp4"))


def test_the_soft_binding_is_a_byte_string(sealed):
    with open(sealed.path, "rb") as file:
        store = boxes.embedded_manifest(file)
    assert store
    assert b"evalue" + b"\x50" + sealed.record_id.encode() in store  # CBOR: byte string of 16
    binding = crjson(sealed.path)["assertions"]["c2pa.soft-binding"]
    assert binding["alg"] == softbinding.ALGORITHM
    assert softbinding.record_ids(binding) == [sealed.record_id]


@pytest.mark.parametrize("value", [list(b"00ff"), "b64'MDBmZg=='", "00ff"])
def test_soft_bindings_of_other_writers_are_read(value):
    assert softbinding.record_ids({"alg": softbinding.ALGORITHM, "blocks": [{"value": value}]}) == ["00ff"]


ODD = [
    {},
    {"alg": softbinding.ALGORITHM},
    {"alg": softbinding.ALGORITHM, "blocks": [{"value": 3}, 4]},
    {"alg": softbinding.ALGORITHM, "blocks": [{"value": [999]}]},
    {"alg": "com.other.1", "blocks": [{"value": "00ff"}]},
]


@pytest.mark.parametrize("data", ODD)
def test_odd_soft_bindings_name_nothing(data):
    assert softbinding.record_ids(data) == []


def test_what_it_tells_and_what_it_keeps(sealed, draft, portrait_path):
    made = crjson(sealed.path)["assertions"]["org.facewright.generation"]
    assert made["controls"] == draft.controls
    assert made["consent"] == "no consent statement given"
    assert made["ingredients"][0]["title"] == portrait_path.name
    assert len(made["ingredients"][0]["sha256"]) == 64
    content = sealed.path.read_bytes()
    for private in (str(portrait_path.parent), "secret-folder", str(Path.home())):
        assert private.encode() not in content


def test_every_role_has_its_relationship(sealed, tmp_path):
    for name in ("face.png", "voice.flac", "drive.mkv"):
        (tmp_path / name).write_bytes(b"not really")
    ingredients = [
        Ingredient(tmp_path / name, role).measured().__dict__
        for name, role in [("face.png", "portrait"), ("voice.flac", "audio"), ("drive.mkv", "video")]
    ]
    active = crjson(resign(sealed, tmp_path, record_of(sealed, ingredients=ingredients), default_signer()))
    found = {a["dc:title"]: a["relationship"] for k, a in active["assertions"].items() if "ingredient" in k}
    assert found == {"face.png": "parentOf", "voice.flac": "componentOf", "drive.mkv": "inputTo"}
    actions = [a["action"] for a in active["assertions"]["c2pa.actions.v2"]["actions"]]
    assert actions == ["c2pa.opened", "c2pa.edited", "c2pa.placed", "c2pa.watermarked.bound"]

    alone = crjson(resign(sealed, tmp_path, record_of(sealed, ingredients=[]), default_signer()))
    created, _ = alone["assertions"]["c2pa.actions.v2"]["actions"]
    assert (created["action"], "digitalSourceType" in created) == ("c2pa.created", True)


def test_an_ingredient_keeps_its_own_manifest(sealed, tmp_path):
    ingredients = [Ingredient(sealed.path, "target").measured().__dict__]
    again = resign(sealed, tmp_path, record_of(sealed, ingredients=ingredients, record_id="0" * 16), default_signer())
    reading = read_manifest(again)
    assert reading.valid
    assert (reading.record_ids, reading.ingredient_ids) == ({"0" * 16}, {sealed.record_id})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signers_of_every_kind(sealed, tmp_path, algorithm, user_identity, use_identity):
    use_identity(*user_identity(algorithm))
    reading = read_manifest(resign(sealed, tmp_path, record_of(sealed), default_signer()))
    assert reading.valid
    assert reading.signer == "A user of their own"
    assert str(reading.algorithm).lower() == algorithm.lower()


def test_a_callback_signer(sealed, tmp_path):
    """A key service: this process sees bytes to sign and signatures, never a key."""
    local, asked = default_signer(), []
    service = Signer(local.chain, local.algorithm, lambda data: asked.append(len(data)) or local.sign(data))
    assert read_manifest(resign(sealed, tmp_path, record_of(sealed), service)).valid
    assert asked


@pytest.mark.parametrize("reply", [b"", b"short", b"\0" * 64])
def test_a_service_that_signs_wrongly_is_noticed(sealed, tmp_path, reply):
    service = Signer(default_signer().chain, "ES256", lambda _: reply)
    with contextlib.suppress(RefusedError):
        assert not read_manifest(resign(sealed, tmp_path, record_of(sealed), service)).valid


def test_a_service_that_fails_is_named(sealed, tmp_path):
    def unreachable(_: bytes) -> bytes:
        raise TimeoutError("the key service did not answer")

    with pytest.raises(RefusedError, match="the key service did not answer"):
        resign(sealed, tmp_path, record_of(sealed), Signer(default_signer().chain, "ES256", unreachable))


def test_nothing_reaches_the_network(sealed, tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    assert manifest.OFFLINE["verify"]["remote_manifest_fetch"] is False
    assert manifest.OFFLINE["verify"]["ocsp_fetch"] is False
    assert manifest.OFFLINE["core"]["allowed_network_hosts"] == []
    assert read_manifest(resign(sealed, tmp_path, record_of(sealed), default_signer())).time is None


def test_one_flipped_byte_anywhere_in_the_media(sealed):
    whole = sealed.path.read_bytes()
    media = [box for box in boxes.top_level(io.BytesIO(whole)) if box.kind in ("mdat", "moov")]
    assert {box.kind for box in media} == {"mdat", "moov"}
    for box in media:
        for step in range(40):
            at = box.body + step * (box.size - box.header - 1) // 39
            broken = io.BytesIO(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            reading = read_manifest(broken)
            assert not reading.valid, (box.kind, at)
            assert reading.present


def test_hostile_bytes_never_crash(sealed):
    whole = sealed.path.read_bytes()
    span = boxes.manifest_span(io.BytesIO(whole))
    assert span
    for step in range(200):  # the manifest itself, where a parser has most to trip over
        at = span[0] + step * (span[1] - span[0] - 1) // 199
        read_manifest(io.BytesIO(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]))
    for cut in range(0, len(whole), len(whole) // 40):
        read_manifest(io.BytesIO(whole[:cut]))
    for junk in (b"", b"\0" * 100, b"\xff" * 100, whole + b"junk"):
        assert not read_manifest(io.BytesIO(junk)).valid
