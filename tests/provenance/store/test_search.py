"""By content: the row of a video that lost its manifest and its mark, among others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from facewright.provenance import fingerprint
from facewright.provenance.fingerprint import Fingerprint
from facewright.provenance.store import search


def of(picture: np.ndarray) -> Fingerprint:
    return Fingerprint(1.0, (fingerprint._still(np.ascontiguousarray(picture)),))


@pytest.fixture(scope="module")
def others() -> list[Fingerprint]:
    from skimage.data import chelsea, coffee, rocket

    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    return [of(each) for each in (chelsea(), coffee(), rocket(), noise, np.zeros_like(noise))]


@pytest.fixture
def filled(store, record, others, picture):
    for number, each in enumerate([*others, of(picture)]):
        store.add(record(method=f"m{number}"), b"%d" % number, each.to_bytes())
    return store


CHANGES = {
    "as it was": lambda p: p,
    "half size": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5),
    "compressed": lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], 1),
    "mirrored": lambda p: p[:, ::-1],
    "squeezed": lambda p: cv2.resize(p, (640, 360)),
    "brighter": lambda p: cv2.convertScaleAbs(p, alpha=1.3, beta=10),
    "cropped to 85 %": lambda p: p[38:474, 38:474],
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_row_of_a_picture(filled, picture, change):
    ((entry, similarity),) = filled.by_content(of(CHANGES[change](picture)))
    assert entry.record.method == "m5"
    assert similarity >= fingerprint.MATCH


def test_another_picture_has_no_row(filled):
    from skimage.data import camera

    assert filled.by_content(of(np.repeat(camera()[..., None], 3, 2))) == []


def test_the_index_follows_the_store(filled, picture, record):
    asked = of(picture)
    assert len(filled.by_content(asked)) == 1
    filled.add(record(), b"again", asked.to_bytes())
    assert len(filled.by_content(asked)) == 2
    assert len(filled.by_content(asked, limit=1)) == 1
    filled.remove(b"again")
    filled.remove(b"5")
    assert filled.by_content(asked) == []


def test_rows_whose_fingerprint_is_damaged_are_passed_over(filled, picture, record, execute):
    filled.add(record(), b"damaged", b"FWF1")
    filled.add(record(record_id="d" * 16), b"damaged later", of(picture).to_bytes())
    execute("UPDATE records SET fingerprint = manifest WHERE record_id = 'dddddddddddddddd'")
    assert len(filled.by_content(of(picture))) == 1


def test_a_hundred_thousand_hashes_are_compared_at_once(picture):
    """The nearest of 100,000 rows is found although every hash is compared."""
    asked = of(picture)
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 256, (100_000, len(search.VIEWS), 8), np.uint8)
    hashes[77_777] = search.looks(asked)
    rows = search.Looks(
        search.Head(-1, ""),
        hashes.reshape(-1, 8),
        np.repeat(np.arange(100_000), len(search.VIEWS)),
        [str(number) for number in range(100_000)],
    )
    assert next(iter(rows.nearest(asked).items())) == ("77777", 0)
