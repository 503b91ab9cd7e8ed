"""Labels: size, time, text, tags and sound of each preset, in front of the mark and the signature."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction

import av
import numpy as np
import pytest
from facewright.core.errors import UsageError
from facewright.provenance import verify
from facewright.provenance.labels import LANGUAGES, TEXTS, Label
from facewright.provenance.lettering import STROKES, Plate, _mask
from PIL import ImageFont

from .conftest import FPS, FRAMES, seal_moving

RATE = 16_000
ALL = [Label(preset, language, "A provider") for preset, known in LANGUAGES.items() for language in known]


def grey(count: int, width: int, height: int) -> np.ndarray:
    return np.full((count, height, width, 3), 140, np.uint8)


@pytest.mark.parametrize("label", ALL, ids=lambda label: f"{label.preset}-{label.language}")
@pytest.mark.parametrize("size", [(256, 256), (1280, 720), (360, 640)])
def test_the_letters_are_large_enough_and_inside(label, size):
    shown = next(label.drawn([grey(1, *size)], 25))[0]
    rows, columns = np.nonzero((shown > 200).any(axis=2))
    assert rows.max() < size[1] - 1
    assert 0 < columns.min() < columns.max() < size[0] - 1
    heights = [
        _mask(letter, 0.06 * min(size)).shape[0] for letter in label.text if letter.isupper() or letter in STROKES
    ]
    assert min(heights) >= 0.05 * min(size)
    assert rows.max() - rows.min() + 1 >= 0.05 * min(size)


def test_every_letter_is_in_the_font():
    font = ImageFont.load_default(40)
    missing = bytes(font.getmask("\ufffe"))
    for letter in set("".join(TEXTS.values())) - set(STROKES) - {" "}:
        assert bytes(font.getmask(letter)) != missing, letter


def test_the_chinese_characters_reach_from_top_to_bottom():
    for letter in STROKES:
        ink = _mask(letter, 60) > 0.5
        rows, columns = np.nonzero(ink)
        assert rows.max() - rows.min() >= 56
        assert columns.max() - columns.min() >= 48
        assert 0.12 < ink.mean() < 0.4


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(25, 2)])
def test_two_seconds_and_the_same_however_chunked(fps):
    label, frames = Label("china", provider="A"), grey(90, 64, 64)
    last = -(-2 * fps.numerator // fps.denominator)
    whole = np.concatenate(list(label.drawn([frames], fps)))
    assert (whole[: int(last)] != 140).any(axis=(1, 2, 3)).all()
    assert (whole[int(last) :] == 140).all()
    assert (frames == 140).all()  # what was given stays as it was
    for step in (1, 7, 64):
        parts = [frames[start : start + step] for start in range(0, 90, step)]
        np.testing.assert_array_equal(np.concatenate(list(label.drawn(parts, fps))), whole)


def test_a_text_too_wide_takes_more_lines_before_it_is_made_smaller():
    wide, narrow = (Plate("AI-generated", width, 256, 0.11)._letters.shape for width in (600, 256))
    assert narrow[0] > 1.5 * wide[0]
    assert Plate("AI-generated", 64, 256, 0.2)._letters.shape[1] <= 64


def test_the_cue_is_short_long_short_short():
    blocks = iter([np.zeros(700, np.float32)] * 40)
    sound = np.concatenate(list(Label("eu", cue=True).sounding(blocks, RATE)))
    loud = np.abs(sound).reshape(-1, 80).max(axis=1) > 0.1  # in steps of 5 ms
    edges = np.flatnonzero(np.diff(np.r_[0, loud, 0].astype(int)))
    lengths = np.diff(edges)[::2] * 5
    assert ["long" if length > 150 else "short" for length in lengths] == ["short", "long", "short", "short"]
    assert np.abs(sound).max() <= 0.25
    assert len(sound) == 28_000
    silent = Label("eu", cue=True).sounding(None, RATE)
    assert sum(len(next(silent)) for _ in range(3)) == 3 * RATE


def test_what_cannot_be_said():
    for wrong in (
        {"preset": "mars"},
        {"preset": "eu", "language": "zh"},
        {"preset": "china"},
        {"preset": "california"},
    ):
        with pytest.raises(UsageError):
            Label(**wrong)
    with pytest.raises(UsageError):
        Label("china", provider="two\nlines")


TAGS = {
    "eu": {"comment"},
    "california": {"ai_provider", "ai_system", "ai_system_version", "ai_created", "ai_content_id", "comment"},
    "china": {"AIGC"},
}


@pytest.mark.parametrize("preset", TAGS)
def test_a_sealed_file_carries_its_label(picture, draft, tmp_path, monkeypatch, preset):
    from facewright.provenance import seal

    from .conftest import SIZE, moving, voice

    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    label = Label(preset, provider="An Anbieter 提供者", cue=True)
    tags = label.tags("0123456789abcdef", datetime.now(UTC))
    assert set(tags) == TAGS[preset]
    sealed = seal(
        label.drawn(moving(picture), FPS),
        tmp_path / "x.mp4",
        draft=draft,
        fps=FPS,
        width=SIZE,
        height=SIZE,
        audio=label.sounding(voice(), RATE),
        audio_rate=RATE,
        metadata=tags,
    )
    assert verify(sealed.path).state == "valid-untrusted"
    with av.open(str(sealed.path)) as container:
        assert tags.items() <= dict(container.metadata).items()
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    plain = np.concatenate(list(moving(picture)))
    difference = np.abs(np.stack(frames).astype(int) - plain)[:, -60:, :60].mean(axis=(1, 2, 3))
    assert difference[: 2 * FPS].min() > 3 * difference[2 * FPS :].max()
    assert len(frames) == FRAMES
    if preset == "china":
        fields = json.loads(tags["AIGC"])
        assert fields["Label"] == "1"
        assert fields["ContentProducer"] == "An Anbieter 提供者"
        assert fields["ProduceID"] == "0123456789abcdef"
    data = bytearray(sealed.path.read_bytes())
    at = data.index(next(iter(tags.values())).encode()[:12])
    data[at] ^= 1
    sealed.path.write_bytes(data)
    assert verify(sealed.path).state == "invalid"  # the tags stand under the signature


def test_without_a_label_the_file_has_no_tags_of_ours(picture, draft, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    with av.open(str(seal_moving(picture, tmp_path / "x.mp4", draft).path)) as container:
        assert not {"AIGC", "comment", "ai_provider"} & set(container.metadata)
