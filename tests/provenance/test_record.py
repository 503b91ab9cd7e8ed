"""Drafts and records: what they hold and refuse."""

from __future__ import annotations

import hashlib
import json

import pytest
from facewright.core.errors import InputError, UsageError
from facewright.provenance import Draft, Ingredient, Record, new_record_id
from facewright.provenance.record import AI_SOURCE_TYPES


def test_ids_are_64_random_bits():
    ids = {new_record_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(bytes.fromhex(record_id)) == 8 for record_id in ids)


def test_an_ingredient_is_measured(tmp_path):
    (tmp_path / "Größe 1.png").write_bytes(b"picture")
    item = Ingredient(tmp_path / "Größe 1.png", "portrait").measured()
    assert (item.title, item.size) == ("Größe 1.png", 7)
    assert item.sha256 == hashlib.sha256(b"picture").hexdigest()
    assert item.measured() is item
    with pytest.raises(InputError, match="portrait"):
        Ingredient(tmp_path / "absent.png", "portrait").measured()


def test_a_record_survives_json(draft):
    record = Record(**{name: getattr(draft, name) for name in Draft.__dataclass_fields__}, record_id=new_record_id())
    assert Record.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    newer = {**record.to_dict(), "a field of a later version": 1}
    assert Record.from_dict(newer) == record


@pytest.mark.parametrize("data", [{}, {"ingredients": 3}, {"ingredients": [], "command": []}, {"ingredients": [{}]}])
def test_other_json_is_no_record(data):
    with pytest.raises(InputError) as caught:
        Record.from_dict(data)
    assert caught.value.code == "bad_record"


def test_a_generated_video_cannot_claim_another_source(draft):
    fields = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    assert Draft(**{**fields, "digital_source_type": "trainedAlgorithmicMedia"}).digital_source_type in AI_SOURCE_TYPES
    for other in ("digitalCapture", "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture", ""):
        with pytest.raises(UsageError):
            Draft(**{**fields, "digital_source_type": other})


@pytest.mark.parametrize("controls", [{"x": float("nan")}, {"x": object()}, {"x": b"bytes"}])
def test_controls_must_be_json(controls):
    with pytest.raises(UsageError, match="JSON"):
        Draft("pan", "1", {}, 0, controls)
