"""methods, weights, doctor, config: what they answer."""

from __future__ import annotations

import json

import pytest
from facewright.core import weights
from facewright.core.paths import home


def test_methods_name_terms_controls_and_weights(facewright):
    (card,) = facewright("methods", "meshwarp", "--json").answer["result"]["methods"]
    assert card["drives"] == ["speech", "video"]
    assert set(card["licences"]) == {"code", "weights", "data"}
    text = facewright("methods").out
    assert all(word in text for word in ("meshwarp", "head-motion", "licences", "Apache-2.0"))


def test_an_unknown_method_gets_the_nearest_name(facewright):
    outcome = facewright("methods", "meshwrap", "--json")
    assert (outcome.code, outcome.answer["error"]["hint"]) == (2, "Did you mean meshwarp?")


@pytest.fixture
def one_record(tmp_path, monkeypatch):
    """A record of one file, whole until somebody changes it."""
    (tmp_path / "w.npz").write_bytes(b"1")
    sha256 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    file = weights.WeightFile(tmp_path / "w.npz", sha256, 1)
    licences = {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "CC BY 4.0"}
    record = weights.WeightRecord("one", (file,), "a number", licences, ("d",), {}, {"loss": 0})
    monkeypatch.setattr(weights, "records", lambda: (record,))
    return tmp_path / "w.npz"


def test_weights_are_listed_located_and_checked(facewright, one_record):
    (record,) = facewright("weights", "--json").answer["result"]["records"]
    assert record["licences"]["data"] == "CC BY 4.0"
    assert facewright("weights", "path", "one").out == f"{one_record}\n"
    assert facewright("weights", "check", "--json").answer["result"] == {"checked": [{"name": "one", "intact": True}]}


def test_a_changed_weight_file_is_code_5(facewright, one_record):
    one_record.write_bytes(b"2")
    outcome = facewright("weights", "check", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (5, "hash_mismatch")
    assert outcome.answer["result"] == {"checked": [{"name": "one", "intact": False}]}
    one_record.unlink()
    assert facewright("weights", "check").out.startswith("one: weights one:")


def test_the_doctor_finds_this_machine_fit(facewright):
    outcome = facewright("doctor", "--json")
    assert outcome.code == 0, outcome.out
    assert {check["name"] for check in outcome.answer["result"]["checks"]} >= {"codecs", "faces", "keys", "weights"}
    assert not home().exists(), "looking must not make keys or folders"


def test_the_doctor_says_what_is_wrong(facewright, monkeypatch, one_record, tmp_path):
    one_record.write_bytes(b"2")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "file" / "home"))
    outcome = facewright("doctor", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (4, "unfit")
    bad = {check["name"] for check in outcome.answer["result"]["checks"] if not check["ok"]}
    assert {"weights", "folders"} <= bad
    assert "BAD" in facewright("doctor").out


def test_config_tells_where_each_value_came_from(facewright, tmp_path, monkeypatch):
    (tmp_path / "facewright.toml").write_text("[generate]\nfps = 30\nblink = 0.5\n")
    (tmp_path / "own.toml").write_text("[generate]\nblink = 0.7\n")
    monkeypatch.setenv("FACEWRIGHT_GENERATE_SEED", "4")
    words = ["config", "show", "generate", "--config", "own.toml", "--json", "--preset", "lively", "--mouth", "0.9"]
    values = facewright(*words).answer["result"]["commands"]["generate"]
    found = {name: (values[name]["value"], values[name]["source"]) for name in ("mouth", "seed", "blink", "fps")}
    assert found == {
        "mouth": (0.9, "flag"),
        "seed": (4, "variable"),
        "blink": (0.7, "own.toml"),
        "fps": (30, "facewright.toml"),
    }
    assert values["emotion"] == {"value": "happy", "source": "preset lively"}
    assert values["method"] == {"value": "meshwarp", "source": "default"}


def test_config_init_writes_a_file_that_can_be_read_and_does_so_once(facewright):
    written = facewright("config", "init", "--json").answer["result"]["written"]
    assert written == str(home() / "config.toml")
    assert facewright("config", "path", "--json").answer["result"]["read"] == [written]
    assert facewright("config", "show").code == 0
    assert facewright("config", "init").code == 2


def test_the_log_can_be_json(facewright, tmp_path):
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"")
    outcome = facewright("scan", clip, clip, "--log-format", "json")
    assert outcome.code == 7
    lines = [json.loads(line) for line in outcome.err.splitlines()]
    assert [line["level"] for line in lines] == ["error", "error"]
