"""A folder with MANIFEST.csv."""

from __future__ import annotations

import pytest
from facewright.core.errors import AssetError
from facewright.datasets.manifest import read_manifest, read_videos

HEAD = "file,kind,class,identity_id,licence_terms\n"


def folder(tmp_path, *rows):
    (tmp_path / "video_real").mkdir()
    for row in rows:
        (tmp_path / row.split(",")[0]).write_bytes(b"-")
    (tmp_path / "MANIFEST.csv").write_text(HEAD + "\n".join(rows) + "\n", "utf-8")
    return tmp_path


def test_sounds_of_silent_clips_are_no_clips(tmp_path):
    data = folder(
        tmp_path, "video_real/a.mp4,real,A,anna,CC BY 4.0", "video_real/sound_of__a.wav,real,A,anna,CC BY 4.0"
    )
    assert [entry.source for entry in read_manifest(data)] == ["a"]


def test_other_classes_are_left_out(tmp_path):
    data = folder(tmp_path, "video_real/a.mp4,real,A,anna,CC BY 4.0", "video_real/c.mp4,real,C,cleo,unknown")
    assert [entry.identity for entry in read_videos(data)] == ["anna"]
    assert [entry.identity for entry in read_videos(data, terms=["C"])] == ["cleo"]
    with pytest.raises(AssetError):
        read_videos(data, terms=["B"])
