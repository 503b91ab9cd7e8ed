"""Settings files: order, spelling, and what cannot be read."""

from __future__ import annotations

import pytest
from facewright.core import config
from facewright.core.errors import UsageError
from facewright.core.paths import home

KNOWN = {"generate": ["fps", "head_motion", "device"], "scan": ["fps", "fail_on"]}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home().mkdir(parents=True)


def _write(path, text):
    path.write_text(text, "utf-8")
    return path


def _values(command, named=None):
    return {name: setting.value for name, setting in config.settings(command, KNOWN, named).items()}


def test_no_files_no_settings():
    assert config.settings("generate", KNOWN) == {}


def test_the_named_file_beats_the_project_and_the_project_beats_the_user(tmp_path):
    _write(home() / "config.toml", "fps = 10\ndevice = 'cpu'\n[generate]\nhead-motion = 0.1")
    _write(tmp_path / "facewright.toml", "fps = 20\n[generate]\nhead_motion = 0.2")
    named = _write(tmp_path / "own.toml", "[generate]\nhead-motion = 0.3")
    assert _values("generate", named) == {"fps": 20, "device": "cpu", "head_motion": 0.3}
    found = config.settings("generate", KNOWN, named)
    assert (found["fps"].source.name, found["head_motion"].source) == ("facewright.toml", named)


def test_a_table_beats_what_stands_above_it(tmp_path):
    _write(tmp_path / "facewright.toml", "fps = 20\n[scan]\nfps = 5")
    assert _values("scan") == {"fps": 5}
    assert _values("generate") == {"fps": 20}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[generate]\nfsp = 3", "Did you mean fps?"),
        ("[generate]\nhead-motoin = 3", "Did you mean head-motion?"),
        ("[genrate]\nfps = 3", "Did you mean generate?"),
        ("fail-onn = 'some'", "Did you mean fail-on?"),
        ("[scan]\nhead-motion = 1", "See: facewright config show."),
    ],
)
def test_an_unknown_key_is_an_error_with_the_nearest_name(tmp_path, text, hint):
    _write(tmp_path / "facewright.toml", text)
    with pytest.raises(UsageError) as caught:
        config.settings("generate", KNOWN)
    assert (caught.value.code, caught.value.hint) == ("unknown_key", hint)


def test_a_file_that_is_not_toml(tmp_path):
    _write(tmp_path / "facewright.toml", "fps: 3")
    with pytest.raises(UsageError) as caught:
        config.settings("generate", KNOWN)
    assert caught.value.code == "bad_config"


def test_a_named_file_must_be_there(tmp_path):
    with pytest.raises(UsageError) as caught:
        config.settings("generate", KNOWN, tmp_path / "none.toml")
    assert caught.value.code == "no_config"
