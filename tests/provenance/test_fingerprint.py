"""The fingerprint: the same picture through changes, another picture never; its bytes survive."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import VideoWriter
from facewright.provenance import fingerprint
from facewright.provenance.fingerprint import MATCH, MAX_STILLS, Fingerprint, measure, similarity


def of(picture: np.ndarray) -> Fingerprint:
    return Fingerprint(1.0, (fingerprint._still(np.ascontiguousarray(picture)),))


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    height, width = picture.shape[:2]
    return cv2.warpAffine(picture, cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1), (width, height))


CHANGES = {
    "half size": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5),
    "compressed": lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], 1),
    "mirrored": lambda p: p[:, ::-1],
    "cropped": lambda p: p[20:400, 90:470],
    "cropped to 55 %": lambda p: p[20:300, 100:380],
    "turned by 10°": lambda p: turned(p, 10),
    "turned by 90°": np.rot90,
    "squeezed": lambda p: cv2.resize(p, (640, 360)),
    "brighter": lambda p: cv2.convertScaleAbs(p, alpha=1.3, beta=10),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_picture(picture, change):
    assert similarity(of(picture), of(CHANGES[change](picture))) >= MATCH


def test_another_picture(picture):
    from skimage.data import chelsea, coffee

    noise = np.random.default_rng(0).integers(0, 255, picture.shape, np.uint8)
    for other in (chelsea(), coffee(), np.zeros_like(picture), noise):
        assert similarity(of(picture), of(other)) < MATCH - 0.1


def test_its_bytes(picture):
    stored = of(picture)
    data = stored.to_bytes()
    again = Fingerprint.from_bytes(data)
    assert again.interval == stored.interval
    assert similarity(stored, again) > 0.99
    for damaged in (b"", b"FWF1", data[:-1], data + b"x", b"XXXX" + data[4:], data[:12], data[:12] + b"\xff" * 50):
        with pytest.raises(InputError) as caught:
            Fingerprint.from_bytes(damaged)
        assert caught.value.code == "bad_record"


@pytest.mark.parametrize(("seconds", "stills", "interval"), [(0.2, 1, 1), (9, 9, 1), (17, 9, 2), (70, 9, 8)])
def test_long_videos_are_sampled_more_sparsely(tmp_path, picture, seconds, stills, interval):
    frame = cv2.resize(picture, (64, 64))[None]
    with VideoWriter(tmp_path / "x.mp4", width=64, height=64, fps=5) as writer:
        for _ in range(round(seconds * 5)):
            writer.write(frame)
    found = measure(tmp_path / "x.mp4")
    assert (len(found.stills), found.interval) == (stills, interval)
    assert len(found.stills) <= MAX_STILLS
