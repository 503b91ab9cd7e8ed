"""`scan` end to end: facts first, estimate next, several faces, pictures, and nothing to look at."""

import json
from dataclasses import replace

import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import VideoWriter
from facewright.detect.detector import REASONS
from facewright.detect.result import together
from facewright.detect.scan import _declared, scan
from PIL import Image

from .conftest import shaken


@pytest.fixture
def two_faces(portrait, tmp_path):
    """Two faces for two seconds, a cut, then one of them for one and a half."""
    path = tmp_path / "two.mp4"
    one = shaken(portrait, 20, noise=2)[:, 100:420, 110:430]
    pair = np.concatenate([one, one[:, :, ::-1]], axis=2)
    alone = np.concatenate([one, np.zeros_like(one)], axis=2)[:15]
    with VideoWriter(path, width=640, height=320, fps=10) as writer:
        writer.write(pair)
        writer.write(255 - alone[:1] // 8)
        writer.write(alone)
    return path


def test_a_clip(clip_path, told):
    seen = []
    report = scan(clip_path, detector=told(0.95, 5.0), progress=seen.append)
    body = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert body["input"] == str(clip_path)
    assert body["provenance"]["state"] == "nothing-found"
    assert body["provenance"]["synthetic"] is False
    detection = body["detection"]
    assert (detection["score"], detection["evidence"], detection["abstained"]) == (0.95, "strong", False)
    assert detection["false_alarms_per_100"] == 5.0
    assert detection["detectors"] == {"told": 0.95}
    (face,) = body["faces"]
    assert face["track"] == face["identity"] == 0
    assert face["seconds"] == pytest.approx(3, abs=0.2)
    assert all(0 <= t < 3 and 0 <= s <= 1 for t, s in face["timeline"])
    assert body["video_seconds"] == pytest.approx(3, abs=0.01)
    assert body["answered"] == ["detector"]
    assert {event.stage for event in seen} == {"check provenance", "look at faces"}
    assert seen[-1].done == seen[-1].total == 30


def test_several_faces(two_faces, told, no_facts):
    report = scan(two_faces, detector=told(0.95, 5.0))
    first, second, third = report.faces
    assert first.identity != second.identity
    assert third.identity in (first.identity, second.identity)  # after the cut, one of them again
    assert all(face.evidence.score == 0.95 for face in report.faces)
    assert report.false_alarms_per_100 == pytest.approx(5.0)
    assert "the strongest" in report.to_text()
    assert report.to_dict()["detection"]["worst_face"] == report.worst.track


def test_chances_add_up():
    """One low rate among many is what chance brings; many low ones are not."""
    assert together([5.0]) == 5.0
    assert together([5.0, 100.0, 100.0, 100.0]) == 20.0
    assert together([5.0, 5.0, 5.0]) == pytest.approx(5.0)
    assert together([40.0, 90.0]) == 80.0


def test_a_picture_is_no_video(portrait, told, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(portrait).save(path)
    report = scan(path, detector=told(0.9, 5.0))
    body = report.to_dict()
    assert body["detection"]["score"] is None
    assert body["detection"]["evidence"] == "cannot-tell"
    assert body["detection"]["abstained"] is True
    assert body["detection"]["reason"] == "too_short"
    assert body["provenance"]["state"] == "nothing-found"
    assert body["video_seconds"] == 0
    assert len(body["faces"]) == 1


def test_no_face_is_an_abstention(tmp_path, told, no_facts):
    path = tmp_path / "stripes.mp4"
    with VideoWriter(path, width=320, height=240, fps=10) as writer:
        writer.write(np.tile(np.arange(320, dtype=np.uint8)[:, None], (12, 240, 1, 3)))
    report = scan(path, detector=told(0.9, 5.0))
    assert report.reason == "no_face"
    assert report.score is None
    assert REASONS["no_face"] in report.sentences()[1]


@pytest.mark.parametrize(
    "content", [b"", b"not a video", b"\x89PNG\r\n\x1a\nbroken", b"\0\0\0\x18ftypisom" + bytes(99)]
)
def test_what_cannot_be_read_is_an_error(tmp_path, told, content):
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError):
        scan(path, detector=told(0.9, 5.0))


def test_a_long_video_is_sampled(clip_path, told, monkeypatch, no_facts):
    from facewright.detect import sampling

    monkeypatch.setattr(sampling, "SPAN_SECONDS", 1.2)
    report = scan(clip_path, fps=5, detector=told(0.1, 50.0))
    assert [round(start, 1) for start, _ in report.spans] == [0.9]
    assert report.frames == 12
    assert "looked at" in report.to_text()
    assert report.faces[0].times.min() >= 0.9


@pytest.mark.parametrize(
    ("score", "rate", "evidence"), [(0.9, 5.0, "strong"), (0.7, 15.0, "some"), (0.2, 60.0, "little")]
)
def test_words_never_say_more_than_is_known(report, score, rate, evidence):
    (face,) = report.faces
    said = replace(face.evidence, score=score, false_alarms_per_100=rate)
    report = replace(report, faces=(replace(face, evidence=said),))
    assert report.evidence == evidence
    text = report.to_text().lower()
    assert not {"authentic", "real", "fake"} & set(text.replace(",", " ").split())
    assert f"at most about {rate:.0f} would" in text


@pytest.mark.parametrize(
    ("facts", "declared"),
    [
        ({"state": "valid-untrusted", "manifest": {"present": True, "says_ai_generated": True}}, True),
        ({"state": "valid-untrusted", "manifest": {"present": True, "says_ai_generated": False}}, False),
        ({"state": "invalid", "manifest": {"present": True, "says_ai_generated": True}}, False),
        ({"state": "recovered", "watermark": {"found": True}}, True),
        (
            {"state": "recovered", "fingerprint": {"match": True}},
            True,
        ),  # by the sound's mark; the picture matches
        ({"state": "recovered", "fingerprint": {"match": None}}, False),  # marked sound, maybe over another picture
        ({"state": "recovered-mismatch", "watermark": {"found": True}}, False),
        ({"state": "nothing-found"}, False),
    ],
)
def test_only_facts_that_hold_declare(facts, declared):
    assert _declared({"manifest": {"present": False}, "watermark": {"found": False}, **facts}) is declared
