"""Weight records: found, read, and compared with the files they describe."""

from __future__ import annotations

import hashlib
import json

import pytest
from facewright.core import weights
from facewright.core.errors import AssetError, UsageError


@pytest.fixture
def folder(tmp_path):
    content = b"weights"
    (tmp_path / "a.safetensors").write_bytes(content)
    fields = {
        "name": "a",
        "architecture": "one number",
        "files": [{"file": "a.safetensors", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}],
        "licences": {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "CC BY 4.0"},
        "data": ["nothing"],
        "made": {"seed": 0},
        "metrics": {"loss": 0.5},
    }
    (tmp_path / "record.json").write_text(json.dumps(fields))
    return tmp_path


def test_an_intact_record_passes(folder):
    record = weights.read_record(folder / "record.json")
    weights.check(record)
    assert record.bytes == 7
    assert record.to_dict() == json.loads((folder / "record.json").read_text())


def test_one_changed_byte_is_noticed(folder):
    (folder / "a.safetensors").write_bytes(b"Weights")
    with pytest.raises(AssetError) as caught:
        weights.check(weights.read_record(folder / "record.json"))
    assert caught.value.code == "hash_mismatch"


def test_a_missing_file_is_noticed(folder):
    (folder / "a.safetensors").unlink()
    with pytest.raises(AssetError) as caught:
        weights.check(weights.read_record(folder / "record.json"))
    assert caught.value.code == "weights_missing"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "a", "files": [{}]}'])
def test_what_is_not_a_record_is_said_so(tmp_path, text):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(AssetError) as caught:
        weights.read_record(tmp_path / "record.json")
    assert caught.value.code == "bad_record"


def test_an_unknown_name_is_a_usage_error():
    with pytest.raises(UsageError) as caught:
        weights.record("no such weights")
    assert caught.value.code == "unknown_weights"


def test_what_ships_is_intact_and_says_its_terms():
    for record in weights.shipped():
        weights.check(record)
        assert all(file.path.stat().st_size == file.bytes for file in record.files)
        assert all(record.licences.values())
        assert record.data
        assert record.metrics
