"""generate, reenact and their batch, with a method that costs nothing; sealing and reading are real."""

from __future__ import annotations

import json
import re

import av
import numpy as np
import pytest
from facewright.cli import making
from facewright.generate.method import Card, Control, Licences
from facewright.generate.methods import registry


class Rocking:
    """Shifts the picture to and fro: a method for tests."""

    records = ()

    card = Card(
        name="meshwarp",
        title="rocking",
        paper="none",
        summary="Shifts the picture.",
        drives=("speech", "video"),
        controls=(
            Control("head_motion", 1.0, "pixels", 0, 9),
            Control("emotion", "neutral", "words", choices=("neutral", "happy")),
            Control("only_by_set", 0.0, "hidden", 0, 1),
        ),
        licences=Licences("Apache-2.0", "none", "none"),
        presets={"far": {"head_motion": 7.0, "seed": 3, "size": 300}},
    )

    def prepare(self, picture, face):
        return picture

    def motion(self, state, drive, *, controls, seed, fps):
        steps = np.arange(round(drive.seconds * fps))
        yield np.rint(controls["head_motion"] * np.sin(steps / 4 + seed)).astype(int)

    def render(self, state, motion):
        return np.stack([np.roll(state, step, axis=1) for step in motion])


@pytest.fixture(autouse=True)
def _rocking(monkeypatch):
    monkeypatch.setattr(registry, "method", lambda name: lambda device, weights: Rocking())
    monkeypatch.setattr(registry, "card", lambda name: Rocking.card)
    monkeypatch.setattr(registry, "weight_hashes", lambda name: {})
    making._talker.cache_clear()
    yield
    making._talker.cache_clear()


def test_one_clip(facewright, portrait_path, speech_path, tmp_path):
    outcome = facewright("generate", portrait_path, speech_path, "-o", "o.mp4", "--preview", "1s", "--json")
    assert outcome.code == 0, outcome.err
    result = outcome.answer["result"]
    assert result["output"] == "o.mp4"
    assert (result["frames"], result["fps"], result["width"], result["height"]) == (25, 25, 512, 512)
    assert (tmp_path / "o.mp4").is_file()
    assert outcome.answer["inputs"] == {"portrait": str(portrait_path), "speech": str(speech_path)}
    assert outcome.err.startswith("meshwarp (no weights; none): 512×512, 25 frames at 25 fps, time not known")

    checked = facewright("verify", "o.mp4", "--json")
    assert checked.code == 0
    assert checked.answer["result"]["state"] == "valid-untrusted"
    assert checked.answer["result"]["record_id"] == result["record_id"]


def test_the_second_run_knows_how_long_it_takes(facewright, portrait_path, speech_path):
    words = ["generate", portrait_path, speech_path, "--preview", "1s", "--size", "320"]
    facewright(*words, "-o", "a.mp4")
    assert re.search(r"25 frames at 25 fps, about \d+ s$", facewright(*words, "-o", "b.mp4").err, re.MULTILINE)


def test_the_output_is_not_replaced_unasked(facewright, portrait_path, speech_path, tmp_path):
    (tmp_path / "o.mp4").write_bytes(b"mine")
    words = ["generate", portrait_path, speech_path, "-o", "o.mp4", "--preview", "1s", "--json"]
    outcome = facewright(*words)
    assert (outcome.code, outcome.answer["error"]["code"]) == (2, "output_exists")
    assert (tmp_path / "o.mp4").read_bytes() == b"mine"
    assert facewright(*words, "--force").code == 0


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(facewright, portrait_path, speech_path, tmp_path):
    outcome = facewright("generate", portrait_path, speech_path, "-o", "o.mp4", "--dry-run", "--json")
    assert outcome.code == 0
    assert outcome.answer["result"]["download_bytes"] == 0
    assert list(tmp_path.iterdir()) == []


def test_controls_by_option_by_set_and_by_preset(facewright, portrait_path, speech_path):
    words = ["generate", portrait_path, speech_path, "-o", "o.mp4", "--dry-run", "--json"]
    plan = facewright(*words, "--emotion", "happy", "--set", "only-by-set=0.5").answer["result"]
    assert plan["controls"] == {"head_motion": 1.0, "emotion": "happy", "only_by_set": 0.5}
    plan = facewright(*words, "--preset", "far").answer["result"]
    assert (plan["controls"]["head_motion"], plan["seed"], plan["width"]) == (7.0, 3, 300)
    plan = facewright(*words, "--preset", "far", "--seed", "1", "--set", "head_motion=2").answer["result"]
    assert (plan["controls"]["head_motion"], plan["seed"]) == (2.0, 1)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--set", "blnk=1"], "unknown_control"),
        (["--blink", "1"], "unknown_control"),
        (["--head-motion", "99"], "bad_control"),
        (["--preset", "none"], "unknown_preset"),
        (["--fps", "1000"], "usage"),
    ],
)
def test_bad_calls(facewright, portrait_path, speech_path, words, code):
    outcome = facewright("generate", portrait_path, speech_path, "-o", "o.mp4", "--json", *words)
    assert (outcome.code, outcome.answer["error"]["code"]) == (2, code)


def test_bad_files(facewright, portrait_path, speech_path, tmp_path):
    outcome = facewright("generate", speech_path, speech_path, "-o", "o.mp4", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "unreadable")
    outcome = facewright("generate", portrait_path, portrait_path, "-o", "o.mp4", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "no_audio")
    outcome = facewright("generate", portrait_path, speech_path, "-o", "none/o.mp4", "--json")
    assert outcome.code in (2, 4)
    assert list(tmp_path.iterdir()) == []


def test_settings_rank_below_variables_and_flags(facewright, portrait_path, speech_path, tmp_path, monkeypatch):
    (tmp_path / "facewright.toml").write_text("fps = 20\n[generate]\nhead-motion = 2\nseed = 5\n")
    words = ["generate", portrait_path, speech_path, "-o", "o.mp4", "--dry-run", "--json"]
    plan = facewright(*words).answer["result"]
    assert (plan["fps"], plan["seed"], plan["controls"]["head_motion"]) == (20, 5, 2)
    monkeypatch.setenv("FACEWRIGHT_GENERATE_FPS", "30")
    assert facewright(*words).answer["result"]["fps"] == 30
    assert facewright(*words, "--fps", "50").answer["result"]["fps"] == 50


def test_consent_is_kept(facewright, portrait_path, speech_path, tmp_path):
    (tmp_path / "consent.txt").write_text("Eileen agrees – really\n", "utf-8")
    words = ["generate", portrait_path, speech_path, "-o", "o.mp4", "--preview", "1s"]
    assert facewright(*words, "--consent", "consent.txt").code == 0
    assert "Eileen agrees – really" in json.dumps(facewright("verify", "o.mp4", "--json").answer, ensure_ascii=False)
    (tmp_path / "empty.txt").write_text(" ")
    assert facewright(*words, "--consent", "empty.txt").code == 3
    assert facewright(*words, "--consent", "none.txt").code == 3


def test_names_with_spaces_quotes_and_other_scripts(facewright, portrait_path, speech_path, tmp_path):
    name = "my «clip» 'one' 视频.mp4"
    assert facewright("generate", portrait_path, speech_path, "-o", name, "--preview", "1s").code == 0
    assert facewright("verify", name).code == 0


def test_reenact_follows_a_video_and_keeps_its_sound(facewright, portrait_path, speech_path):
    from facewright.core.media import probe

    facewright("generate", portrait_path, speech_path, "-o", "driving.mp4", "--preview", "1s")
    outcome = facewright("reenact", portrait_path, "driving.mp4", "-o", "o.mp4", "--json")
    assert outcome.code == 0, outcome.err
    assert probe("o.mp4").audio is not None


@pytest.fixture
def table(portrait_path, speech_path, tmp_path):
    def write(*rows: str, header: str = "portrait,speech,output,preview") -> str:
        lines = [header, *(row.format(p=portrait_path, s=speech_path) for row in rows)]
        (tmp_path / "jobs.csv").write_text("\n".join(lines), "utf-8")
        return "jobs.csv"

    return write


def test_a_batch_makes_each_row(facewright, table, tmp_path):
    (tmp_path / "out").mkdir()
    jobs = table("{p},{s},a.mp4,1s", "{p},{s},b.mp4,")
    outcome = facewright("generate", "--batch", jobs, "--out-dir", "out", "--preview", "500ms", "--json")
    assert outcome.code == 0, outcome.err
    items = outcome.answer["result"]["items"]
    assert [item["result"]["frames"] for item in items] == [25, 12]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.mp4")) == ["a.mp4", "b.mp4"]


def test_a_batch_stops_or_goes_on_after_a_failure(facewright, table):
    jobs = table("none.png,{s},a.mp4,1s", "{p},{s},b.mp4,1s")
    outcome = facewright("generate", "--batch", jobs, "--json")
    assert (outcome.code, len(outcome.answer["result"]["items"])) == (7, 1)
    outcome = facewright("generate", "--batch", jobs, "--keep-going", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (7, "partial")
    assert [item["ok"] for item in outcome.answer["result"]["items"]] == [False, True]
    assert outcome.answer["result"]["items"][0]["error"]["code"] == "unreadable"


@pytest.mark.parametrize("header", ["portrait,speech,out,fps", "portrait,speech,output,smile"])
def test_a_table_that_does_not_fit(facewright, table, header):
    outcome = facewright("generate", "--batch", table("{p},{s},o.mp4,1", header=header), "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "bad_table")


def test_a_row_sets_controls(facewright, table):
    jobs = table("{p},{s},a.mp4,1s,head_motion=3 only_by_set=1", header="portrait,speech,output,preview,set")
    (item,) = facewright("generate", "--batch", jobs, "--json").answer["result"]["items"]
    assert item["result"]["controls"] == {"head_motion": 3.0, "emotion": "neutral", "only_by_set": 1.0}


def test_a_sealed_file_is_built_again_pixel_for_pixel(facewright, portrait_path, speech_path):
    facewright("generate", portrait_path, speech_path, "-o", "o.mp4", "--preview", "1s", "--seed", "3", "--size", "320")
    first = facewright("verify", "o.mp4", "--json").answer["result"]["record_id"]
    outcome = facewright("replay", "o.mp4", "-o", "again.mp4", "--json")
    assert outcome.code == 0, outcome.err
    result = outcome.answer["result"]
    assert (result["replayed"], result["same_pixels"], result["seed"]) == (first, True, 3)
    assert result["record_id"] != first


def test_without_the_store_the_manifest_tells_and_inputs_are_named(facewright, portrait_path, speech_path, monkeypatch):
    facewright("generate", portrait_path, speech_path, "-o", "o.mp4", "--preview", "1s")
    monkeypatch.setenv("FACEWRIGHT_STORE", "sqlite:///other.sqlite")
    words = ["replay", "o.mp4", "-o", "again.mp4", "--json"]
    outcome = facewright(*words)
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "input_missing")
    outcome = facewright(*words, "--portrait", portrait_path, "--speech", speech_path)
    assert outcome.answer["result"]["same_pixels"] is True
    outcome = facewright(*words, "--portrait", speech_path, "--speech", speech_path, "--force")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "input_changed")


def test_what_has_no_record_is_not_replayed(facewright, speech_path, portrait_path):
    outcome = facewright("replay", portrait_path, "-o", "again.mp4", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "no_record")


def test_a_label_is_put_on(facewright, portrait_path, speech_path, tmp_path):
    words = ["generate", portrait_path, speech_path, "-o", "o.mp4", "--preview", "1s", "--json"]
    for wrong in (["--label", "china"], ["--label-cue"], ["--label", "eu", "--label-language", "zh"]):
        assert facewright(*words, *wrong).code == 2
    assert facewright(*words, "--label", "china", "--label-provider", "A", "--label-cue").code == 0
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert json.loads(container.metadata["AIGC"])["ContentProducer"] == "A"
    generation = facewright("verify", "o.mp4", "--json").answer["result"]["manifest"]["generation"]
    assert generation["controls"]["label"] == {"preset": "china", "language": "zh", "provider": "A", "cue": True}


def test_trust_and_stamp_from_the_command_line(facewright, portrait_path, speech_path, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    facewright("generate", portrait_path, speech_path, "-o", "o.mp4", "--preview", "1s")
    assert facewright("trust").out == "no lists are kept\n"
    added = facewright("trust", "add", "mine", tmp_path / "home" / "keys" / "local-ca.crt", "--json").answer["result"]
    assert [(each["name"], each["certificates"], each["purpose"]) for each in added["lists"]] == [
        ("mine", 1, "manifest")
    ]
    assert "1 certificates for signers" in facewright("trust", "list").out
    assert facewright("verify", "o.mp4", "--json").answer["result"]["state"] == "trusted"
    crjson = json.loads(facewright("verify", "o.mp4", "--crjson").out)
    assert crjson["manifests"][0]["claim.v2"]["claim_generator_info"]["specVersion"] == "2.4"
    assert facewright("trust", "remove", "mine").code == 0
    for wrong in (["trust", "add"], ["trust", "add", "x"], ["trust", "update", "x"], ["trust", "remove", "x"]):
        assert facewright(*wrong).code == 2
    stamped = facewright("stamp", "o.mp4", "-o", "s.mp4", "--json")
    assert (stamped.code, stamped.answer["error"]["code"]) == (2, "usage")
    stamped = facewright("stamp", "o.mp4", "-o", "s.mp4", "--tsa", "http://127.0.0.1:9/", "--json")
    assert (stamped.code, stamped.answer["error"]["code"]) == (6, "stamp_failed")
    assert not (tmp_path / "s.mp4").exists()
