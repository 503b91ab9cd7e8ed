"""The sound's mark in the seal: marked, read back, bound in the manifest, held against the picture by `verify`."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import AudioReader, VideoReader, VideoWriter, read_audio
from facewright.provenance import Draft, Record, Sealed, Store, default_signer, manifest, new_record_id, seal, verify
from facewright.provenance.boxes import embedded_manifest
from facewright.provenance.reading import read_manifest
from facewright.provenance.watermark.sound import SoundMarker, read_sound_mark

RATE, FPS, FRAMES, SIZE = 48_000, 25, 100, 320


def sealed_with(frames: Callable, sound: np.ndarray | None, target: Path, draft: Draft, **options) -> Sealed:
    rate = options.pop("rate", RATE)
    given = {} if sound is None else {"audio": iter(np.array_split(sound, 50)), "audio_rate": rate}
    picture = frames(frames=FRAMES, size=SIZE)
    return seal(picture, target, draft=draft, fps=FPS, width=SIZE, height=SIZE, **given, **options)


@pytest.fixture(scope="module")
def spoken(speech_path: Path) -> np.ndarray:
    return read_audio(speech_path, rate=RATE, seconds=FRAMES / FPS)


@pytest.fixture(scope="module")
def _talking_once(tmp_path_factory, frames, spoken, draft) -> Sealed:
    folder = tmp_path_factory.mktemp("talking")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEWRIGHT_HOME", str(folder / "home"))
        return sealed_with(frames, spoken, folder / "clip.mp4", draft)


@pytest.fixture
def talking(_talking_once: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    """A sealed video of someone who speaks, with the home of whoever sealed it."""
    shutil.copytree(_talking_once.path.parent / "home", tmp_path / "home")
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "home"))
    return dataclasses.replace(_talking_once, path=Path(shutil.copy(_talking_once.path, tmp_path / "clip.mp4")))


def remade(source: Path, target: Path, change=lambda frame: frame, sound: np.ndarray | None = None) -> Path:
    """The video encoded anew, its frames changed, its sound replaced if another is given."""
    frames = np.stack([change(frame) for chunk in VideoReader(source) for frame in chunk])
    sound = read_audio(source, rate=RATE) if sound is None else sound
    height, width = frames.shape[1:3]
    with VideoWriter(target, width=width, height=height, fps=FPS, audio_rate=RATE if len(sound) else None) as writer:
        writer.write(frames)
        if len(sound):
            writer.write_audio(sound.astype(np.float32))
    return target


def said(found, start: str) -> str:
    return next(line for line in found.lines if line.startswith(start))


def other_voice(seconds: float, record_id: str | None = None) -> np.ndarray:
    """Syllables of a vowel-like buzz; marked if an id is given."""
    rng, time = np.random.default_rng(2), np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * (110 + 8 * np.sin(5 * time)) * k * time) / k**0.7 for k in range(1, 40))
    loud = np.interp(
        time,
        np.arange(0, seconds + 0.1, 0.1),
        rng.uniform(0.05, 1, round(seconds * 10) + 2)[: len(np.arange(0, seconds + 0.1, 0.1))],
    )
    sound = (0.05 * loud * (buzz + rng.standard_normal(len(time)))).astype(np.float32)
    return np.concatenate(list(SoundMarker(record_id, rate=RATE).mark([sound]))) if record_id else sound


def test_sealed_sound_carries_the_id(talking):
    assert read_sound_mark(talking.path).record_id == talking.record_id
    found = verify(talking.path)
    assert (found.state, found.record_id) == ("valid-untrusted", talking.record_id)
    mark = found.sound_watermark
    assert (mark["checked"], mark["found"], mark["record_id"]) == (True, True, talking.record_id)
    assert 0 < mark["p_value"] <= 1e-6
    assert found.to_dict()["sound_watermark"] == mark
    assert re.fullmatch(
        rf"id {talking.record_id}, p = \de-\d+ that unmarked sound gives one by chance",
        said(found, "sound watermark: ")[17:],
    )
    assert found.manifest["generation"]["sound"] == {"marked": True}
    entry = Store().get(talking.record_id)
    assert entry
    assert entry.record.sound == {"marked": True}


def test_the_manifest_binds_both_marks_as_byte_strings(talking):
    with open(talking.path, "rb") as file:
        store = embedded_manifest(file)
    assert store
    value = b"evalue\x50" + talking.record_id.encode()
    assert store.count(value) == 2
    assert b"org.facewright.audio.1" in store
    assert b"evalue\x70" not in store
    reading = read_manifest(talking.path)
    assert reading.valid
    assert reading.record_ids == reading.sound_ids == {talking.record_id}


def test_sound_alone_leads_to_the_record(talking, tmp_path):
    target = tmp_path / "sound.mp3"
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono", bit_rate=96_000)
        resampler = av.AudioResampler("fltp", "mono", RATE, 1152)
        for block in AudioReader(talking.path, rate=RATE):
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate = RATE
            for each in resampler.resample(frame):
                container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    found = verify(target)
    assert (found.state, found.exit_code, found.record_id) == ("recovered", 11, talking.record_id)  # no picture to hold
    assert found.record["found"]
    assert not found.watermark["checked"]


def test_a_second_chance_where_the_picture_lost_its_mark(talking, tmp_path):
    path = remade(talking.path, tmp_path / "x.mp4", lambda frame: cv2.GaussianBlur(frame, (0, 0), 5))
    found = verify(path)
    assert not found.watermark["found"]
    assert (found.state, found.record_id) == ("recovered", talking.record_id)
    assert found.fingerprint["match"]
    assert found.exit_code == 0


def test_sound_copied_onto_another_picture(talking, tmp_path):
    rng = np.random.default_rng(5)
    texture = cv2.resize(rng.integers(0, 255, (24, 24, 3), np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    found = verify(remade(talking.path, tmp_path / "x.mp4", lambda _: texture))
    assert (found.state, found.exit_code) == ("recovered-mismatch", 10)


def test_sound_replaced_by_that_of_another_generated_video(talking, tmp_path):
    other = new_record_id()
    found = verify(remade(talking.path, tmp_path / "x.mp4", sound=other_voice(4, other)))
    assert (found.state, found.exit_code, found.record_id) == ("conflict", 10, None)
    assert (found.watermark["record_id"], found.sound_watermark["record_id"]) == (talking.record_id, other)
    assert said(found, "conflict:") == (
        f"conflict: the picture carries the watermark {talking.record_id}, the sound {other}: one of them was replaced"
    )


def test_sound_replaced_and_signed_again(talking, tmp_path):
    """With the manifest of an attacker who took the record over: the layers still differ."""
    other, entry = new_record_id(), Store().get(talking.record_id)
    assert entry
    replaced = remade(talking.path, tmp_path / "x.mp4", sound=other_voice(4, other))
    manifest.sign(replaced, tmp_path / "y.mp4", entry.record, default_signer(), "y.mp4")
    found = verify(tmp_path / "y.mp4")
    assert (found.state, found.exit_code) == ("conflict", 10)
    assert f"the manifest names the watermark {talking.record_id}, the sound carries {other}" in said(
        found, "conflict:"
    )


def test_sound_replaced_by_unmarked_sound(talking, tmp_path):
    found = verify(remade(talking.path, tmp_path / "x.mp4", sound=other_voice(4)))
    assert found.record_id == talking.record_id
    assert not found.sound_watermark["found"]
    assert "though it was sealed with" in said(found, "sound watermark:")
    assert "replaced" in said(found, "sound watermark:")


def test_sound_taken_away(talking, tmp_path):
    found = verify(remade(talking.path, tmp_path / "x.mp4", sound=np.empty(0)))
    assert found.state == "recovered"
    assert found.sound_watermark == {"checked": False, "found": False, "p_value": None, "record_id": None}
    assert said(found, "sound watermark:").startswith("sound watermark: no sound to look at, though")


@pytest.mark.parametrize(
    ("sound", "rate"),
    [(np.zeros(4 * RATE, np.float32), RATE), (np.full(RATE // 2, 0.1, np.float32), RATE), (None, RATE)],
    ids=["silent", "half a second", "none"],
)
def test_sound_that_cannot_carry_the_mark(frames, draft, tmp_path, sound, rate):
    """The seal goes on, and the signed manifest says so."""
    sealed = sealed_with(frames, sound, tmp_path / "x.mp4", draft, rate=rate)
    found = verify(sealed.path)
    assert found.state == "valid-untrusted"
    assert not found.sound_watermark["found"]
    reading = read_manifest(sealed.path)
    assert reading.sound_ids == set()
    assert reading.generation
    if sound is None:
        assert "sound" not in reading.generation
    else:
        assert reading.generation["sound"]["marked"] is False
        assert "too short, too quiet" in reading.generation["sound"]["reason"]


def test_a_video_made_from_the_sound_of_another(talking, frames, draft, tmp_path):
    """Its own mark comes on top, and the older one contradicts nothing."""
    sealed = sealed_with(frames, read_audio(talking.path, rate=RATE), tmp_path / "x.mp4", draft)
    found = verify(sealed.path)
    assert (found.state, found.record_id) == ("valid-untrusted", sealed.record_id)
    assert found.sound_watermark["record_id"] == sealed.record_id


def test_an_older_mark_that_stays_on_top_is_declared(talking, frames, draft, tmp_path, monkeypatch):
    monkeypatch.setattr("facewright.provenance.encoding.SoundMarker.mark", lambda _, chunks: chunks)
    sealed = sealed_with(frames, read_audio(talking.path, rate=RATE), tmp_path / "x.mp4", draft)
    found = verify(sealed.path)
    assert found.manifest["generation"]["sound"]["carries"] == talking.record_id
    assert (found.state, found.record_id) == ("valid-untrusted", sealed.record_id)
    assert "earlier record" in said(found, "sound watermark:")


@pytest.mark.parametrize("sound", [5, "x", [1]])
def test_a_record_whose_sound_is_no_object(talking, sound):
    entry = Store().get(talking.record_id)
    assert entry
    with pytest.raises(InputError) as caught:
        Record.from_dict({**entry.record.to_dict(), "sound": sound})
    assert caught.value.code == "bad_record"


@pytest.mark.parametrize("sound", [5, "x", {"carries": ["x"]}, {"carries": None}, {}])
def test_a_manifest_that_says_nonsense_of_the_sound(talking, tmp_path, monkeypatch, sound):
    entry = Store().get(talking.record_id)
    assert entry
    stated = manifest.generation
    monkeypatch.setattr(manifest, "generation", lambda record: {**stated(record), "sound": sound})
    manifest.sign(talking.path, tmp_path / "x.mp4", entry.record, default_signer(), "x.mp4")
    found = verify(tmp_path / "x.mp4")
    assert found.manifest["generation"]["sound"] == sound
    assert found.sound_watermark["record_id"] == talking.record_id
