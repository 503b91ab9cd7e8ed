"""verify and scan of several files, with found reports; tests/provenance and tests/detect test the finding."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import facewright.detect.scan as scanner
import facewright.provenance as provenance
import pytest
from facewright.cli.session import worst
from facewright.core.errors import InputError


@dataclass
class Found:
    """As much of a verification as the command asks for."""

    state: str
    exit_code: int
    crjson: dict | None = None
    lines: tuple[str, ...] = ("a fact",)

    def to_dict(self):
        manifest = {"present": True, "valid": True, "signer": None, "trusted": False}
        watermark = {"found": False, "p_value": 0.5, "record_id": None}
        body = {"state": self.state, "record_id": None, "watermark": watermark, "manifest": manifest}
        body["sound_watermark"] = watermark
        return body | {"lines": list(self.lines)}


@dataclass
class Seen:
    """As much of a scan report as the command asks for."""

    path: str
    evidence: str
    declared: bool = False
    written: list = field(default_factory=list)

    def to_dict(self):
        none = self.evidence == "cannot-tell"
        detection = {"score": None if none else 0.5, "evidence": self.evidence, "false_alarms_per_100": None}
        detection |= {"abstained": none, "reason": "no_face" if none else None, "detectors": {"residual": None}}
        body = {"input": str(self.path), "provenance": {"state": "nothing-found"}, "detection": detection}
        return body | {"faces": [], "seconds": 0.1, "video_seconds": 1.0}

    def to_text(self):
        return f"{self.path}\n  {self.evidence}"


@pytest.fixture
def verdicts(monkeypatch):
    """File name → (state, exit code); anything else cannot be read."""
    known = {"good.mp4": ("valid-untrusted", 0), "bad.mp4": ("invalid", 10), "bare.mp4": ("nothing-found", 11)}

    def verify(path, **_):
        if str(path) not in known:
            raise InputError("unreadable", f"{path} is not there")
        return Found(*known[str(path)])

    monkeypatch.setattr(provenance, "verify", verify)


@pytest.mark.parametrize(
    ("files", "code", "error"),
    [
        (["good.mp4"], 0, []),
        (["bad.mp4"], 10, ["tampered"]),
        (["bare.mp4"], 11, ["no_provenance"]),
        (["gone.mp4"], 3, ["unreadable"]),
        (["good.mp4", "good.mp4"], 0, []),
        (["good.mp4", "bare.mp4"], 11, ["no_provenance"]),
        (["gone.mp4", "bare.mp4", "good.mp4"], 7, ["unreadable", "no_provenance"]),
        (["gone.mp4", "bad.mp4", "bare.mp4"], 10, ["unreadable", "tampered", "no_provenance"]),
    ],
)
def test_verify_ends_with_the_worst(facewright, verdicts, files, code, error):
    outcome = facewright("verify", *files, "--json")
    assert outcome.code == code
    errors = [answer["error"] for answer in outcome.answers if answer["error"]]
    assert [each["code"] for each in errors] == error
    if len(files) > 1:
        assert [answer["inputs"]["files"] for answer in outcome.answers] == [[name] for name in files]
    assert facewright("verify", *files).code == code


def test_verify_speaks_in_lines(facewright, verdicts):
    assert facewright("verify", "good.mp4").out == "good.mp4: valid-untrusted\n  a fact\n"


def test_verify_takes_lists(facewright, verdicts, tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text("good.mp4\n\nbad.mp4\n")
    outcome = facewright("verify", "--from-file", tmp_path / "list.txt", "--json")
    assert (outcome.code, len(outcome.answers)) == (10, 2)
    for words in (["-"], ["--from-file", "-"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("good.mp4\nbare.mp4\n"))
        assert facewright("verify", *words).code == 11
    assert facewright("verify", "--json").answer["error"]["code"] == "usage"
    assert facewright("verify", "--from-file", tmp_path / "none").code == 3


def test_verify_fetches_nothing_unasked(facewright, verdicts):
    outcome = facewright("verify", "http://example.org/a.mp4", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (2, "not_fetched")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]"]
)
def test_verify_asks_no_private_address(facewright, verdicts, address):
    outcome = facewright("verify", f"http://{address}:9/a.mp4", "--fetch", "public", "--json")
    assert (outcome.code, outcome.answer["error"]["code"]) == (3, "fetch_refused")


def test_verify_prints_crjson(facewright, verdicts):
    assert facewright("verify", "good.mp4", "--crjson").out == "null\n"
    assert facewright("verify", "good.mp4", "--crjson", "--json").answer["result"]["crjson"] is None


@pytest.fixture
def sights(monkeypatch):
    known = {"strong.mp4": "strong", "some.mp4": "some", "little.mp4": "little", "dark.mp4": "cannot-tell"}

    def scan(path, *, fps=None, progress):
        if path.name == "signed.mp4":
            return Seen(path, "little", declared=True)
        if path.name not in known:
            raise InputError("unreadable", f"{path} is not there")
        return Seen(path, known[path.name])

    monkeypatch.setattr(scanner, "scan", scan)


@pytest.mark.parametrize(
    ("files", "level", "code"),
    [
        (["strong.mp4"], None, 0),
        (["strong.mp4"], "strong", 10),
        (["some.mp4"], "strong", 0),
        (["some.mp4"], "some", 10),
        (["little.mp4", "dark.mp4"], "some", 0),
        (["signed.mp4"], "strong", 10),
        (["gone.mp4"], None, 3),
        (["gone.mp4", "some.mp4"], None, 7),
        (["gone.mp4", "some.mp4"], "some", 10),
    ],
)
def test_scan_fails_on_what_it_was_asked_to(facewright, sights, files, level, code):
    outcome = facewright("scan", *files, "--json", *(["--fail-on", level] if level else []))
    assert outcome.code == code
    assert len(outcome.answers) == len(files)


def test_a_line_of_scan_has_its_fields_at_the_top_and_in_the_result(facewright, sights):
    line = facewright("scan", "some.mp4", "--json").answer
    assert line["detection"]["evidence"] == line["result"]["detection"]["evidence"] == "some"
    assert (line["input"], line["inputs"]) == ("some.mp4", {"file": "some.mp4"})


def test_a_report_must_not_be_a_folder(facewright, sights, tmp_path):
    assert facewright("scan", "some.mp4", "--report", tmp_path).code == 2


@pytest.mark.parametrize(
    ("codes", "whole"),
    [([], 0), ([0, 0], 0), ([0, 11], 11), ([3], 3), ([3, 0], 7), ([0, 10, 3, 11], 10), ([11, 4], 7)],
)
def test_the_worst_code(codes, whole):
    assert worst(codes) == whole


@pytest.mark.parametrize("value", ['"a.pem"', '["a.pem"]'])
def test_a_settings_file_names_one_list_or_several(facewright, monkeypatch, tmp_path, value):
    seen = []

    def verify(path, **options):
        seen.append(options["trust"])
        return Found("trusted", 0)

    monkeypatch.setattr(provenance, "verify", verify)
    (tmp_path / "facewright.toml").write_text(f"[verify]\ntrust = {value}\n")
    assert facewright("verify", "x.mp4").code == 0
    assert seen == [("a.pem",)]
