"""Which files a command line means."""

from __future__ import annotations

import io

import pytest
from facewright.cli.files import media_files
from facewright.core.errors import InputError


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.mp4", "a.MOV", "notes.txt", "sub/c d.png", "sub/deep/e.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()


def test_files_in_the_order_named():
    assert [str(path) for path in media_files(["b.mp4", "none.mp4", "notes.txt"])] == ["b.mp4", "none.mp4", "notes.txt"]


def test_a_folder_stands_for_the_media_below_it():
    assert [str(path) for path in media_files(["."])] == ["a.MOV", "b.mp4", "sub/c d.png", "sub/deep/e.webm"]


def test_patterns(tmp_path):
    assert [str(path) for path in media_files(["*.mp4"])] == ["b.mp4"]
    assert [str(path) for path in media_files(["**/*.webm"])] == ["sub/deep/e.webm"]
    assert media_files([f"{tmp_path}/sub/*.png"]) == [tmp_path / "sub" / "c d.png"]


def test_a_list_on_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("sub/c d.png\n\nb.mp4\n"))
    assert [str(path) for path in media_files(["-"])] == ["sub/c d.png", "b.mp4"]


@pytest.mark.parametrize("name", ["sub/none*.mp4", "empty"])
def test_nothing_to_look_at_is_an_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        media_files([name])
    assert caught.value.code == "no_files"
