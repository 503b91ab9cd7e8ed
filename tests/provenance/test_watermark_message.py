"""The message of the mark: bits, check, code, key, carriers."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.provenance.watermark import PUBLIC_KEY, code, payload, resolve_key
from facewright.provenance.watermark.carriers import COARSEST, FINEST, carriers, pattern

ID = "0123456789abcdef"


def test_bits_and_back():
    bits = payload.to_bits(ID, PUBLIC_KEY)
    assert bits.shape == (payload.BITS,)
    assert payload.from_bits(bits, PUBLIC_KEY) == ID


def test_the_check_sees_every_wrong_bit_and_another_key():
    bits = payload.to_bits(ID, PUBLIC_KEY)
    for place in range(payload.BITS):
        wrong = bits.copy()
        wrong[place] ^= 1
        assert payload.from_bits(wrong, PUBLIC_KEY) is None
    assert payload.from_bits(bits, b"another key, just as good") is None


@pytest.mark.parametrize(
    "wrong", ["", "0123", ID + "0", "0123456789abcdeg", "01 23 45 67 89 ab cd ef", ID.upper(), ID + "\n"]
)
def test_what_is_no_id(wrong):
    with pytest.raises(ValueError, match="hex digits"):
        payload.to_bits(wrong, PUBLIC_KEY)


def test_the_code_word_turns_with_the_message():
    """Tail-biting: there is no beginning."""
    bits = payload.to_bits(ID, PUBLIC_KEY)
    np.testing.assert_array_equal(code.encode(np.roll(bits, 1)), np.roll(code.encode(bits), code.RATE))


def test_the_code_corrects():
    """At 3 dB of energy per bit over noise (a quarter of all signs wrong), 60 of 60 messages."""
    draw = np.random.default_rng(5)
    deviation = np.sqrt(code.RATE / (2 * 10**0.3))
    wrong = 0
    for _ in range(60):
        bits = draw.integers(0, 2, payload.BITS).astype(np.uint8)
        sent = code.encode(bits)
        received = sent + deviation * draw.standard_normal(len(sent))
        wrong += np.sum(received * sent < 0)
        assert (code.decode(received) == bits).all(axis=1).any()
    assert wrong > 60 * len(sent) / 8


def test_candidates_differ():
    found = code.decode(np.random.default_rng(1).standard_normal(payload.BITS * code.RATE), candidates=8)
    assert found.shape == (8, payload.BITS)
    assert len({message.tobytes() for message in found}) > 1


def test_carriers_share_no_frequency_and_cover_every_sign():
    known = carriers(PUBLIC_KEY)
    points = np.concatenate([known.pilots, known.data])
    assert len({tuple(point) for point in (*points, *-points)}) == 2 * len(points)
    radius = np.hypot(*points.T)
    assert radius.min() >= COARSEST
    assert radius.max() <= FINEST
    assert np.bincount(known.slots, minlength=payload.BITS * code.RATE).min() >= 2


def test_carriers_depend_on_the_key():
    ours, others = carriers(PUBLIC_KEY), carriers(b"another key, just as good")
    assert (ours.pilots != others.pilots).any()


def test_the_format_never_changes_unnoticed():
    """Marks written by one version must be read by the next: a change here needs a new version in `carriers`."""
    known = carriers(PUBLIC_KEY)
    parts = (known.pilots, known.data, known.slots, code.encode(payload.to_bits(ID, PUBLIC_KEY)))
    told = hashlib.sha256(b"".join(np.ascontiguousarray(part).astype("<i4").tobytes() for part in parts)).hexdigest()
    degrees = np.degrees(np.angle(np.concatenate([known.pilot_phases[:2], known.data_phases[-2:]])))
    assert told[:16] == "11ad4077dc191829"
    np.testing.assert_allclose(degrees, [107.8415252, -172.0070915, 50.9232618, -41.712004], atol=1e-6)


def test_demodulation_undoes_modulation():
    bits = payload.to_bits(ID, PUBLIC_KEY)
    known = carriers(PUBLIC_KEY)
    amplitudes = known.modulate(bits)[1][len(known.pilots) :]
    np.testing.assert_array_equal(np.sign(known.demodulate(amplitudes)), code.encode(bits))


@pytest.mark.parametrize(("width", "height"), [(256, 256), (512, 384), (333, 517)])
def test_the_pattern_repeats_in_tiles_and_has_its_power(width, height):
    wave = pattern(payload.to_bits(ID, PUBLIC_KEY), PUBLIC_KEY, width=width, height=height)
    assert wave.dtype == np.float32
    assert np.mean(wave**2) == pytest.approx(1, abs=0.05)
    tile = min(width, height) / 4
    if tile.is_integer():
        np.testing.assert_allclose(wave[: -int(tile)], wave[int(tile) :], atol=1e-4)


def test_without_a_key_file_the_key_is_public():
    assert resolve_key() == PUBLIC_KEY


def test_a_key_file(tmp_path, monkeypatch):
    (tmp_path / "mark.key").write_bytes(b"k" * 32)
    monkeypatch.setenv("FACEWRIGHT_MARK_KEY", str(tmp_path / "mark.key"))
    assert resolve_key() == b"k" * 32


@pytest.mark.parametrize(("content", "problem"), [(None, "unreadable"), (b"short", "bad_key")])
def test_a_key_file_that_will_not_do(content, problem, tmp_path, monkeypatch):
    path = tmp_path / "mark.key"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("FACEWRIGHT_MARK_KEY", str(path))
    with pytest.raises(InputError) as caught:
        resolve_key()
    assert caught.value.code == problem
