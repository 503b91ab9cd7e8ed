"""The hash of sound: the same words through changes, other words never; found again in the verdict."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import VideoWriter, read_audio
from facewright.provenance import soundprint
from facewright.provenance.fingerprint import Fingerprint, same_sound
from facewright.provenance.soundprint import SAME, agreement, measure

RATE = 16_000


@pytest.fixture(scope="module")
def voice(speech_path) -> np.ndarray:
    return read_audio(speech_path, rate=RATE)


@pytest.fixture
def codes(tmp_path) -> Callable[[np.ndarray], np.ndarray]:
    """Codes of samples that went through a file with AAC sound."""

    def measured(samples: np.ndarray) -> np.ndarray:
        path = tmp_path / "sound.mp4"
        with VideoWriter(path, width=64, height=64, fps=5, audio_rate=RATE) as writer:
            writer.write(np.zeros((max(1, len(samples) * 5 // RATE), 64, 64, 3), np.uint8))
            writer.write_audio(samples.astype(np.float32))
        return measure(path)

    return measured


CHANGES = {
    "as it was": lambda s: s,
    "quieter": lambda s: 0.2 * s,
    "noisy": lambda s: s + np.random.default_rng(0).normal(0, 0.02, len(s)),
    "begun later": lambda s: np.concatenate([np.zeros(RATE), s]),
    "an excerpt": lambda s: s[RATE : 3 * RATE],
    "duller": lambda s: np.convolve(s, np.ones(4) / 4, "same"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_sound(voice, codes, change):
    assert agreement(codes(voice), codes(CHANGES[change](voice))) >= SAME + 0.1


def test_other_words_and_other_sound(voice, codes, tmp_path):
    speak = [sys.executable, str(Path(__file__).parents[2] / "scripts" / "speak.py")]
    subprocess.run([*speak, "Nobody knows where the ship went that night.", str(tmp_path / "o.wav")], check=True)
    others = [read_audio(tmp_path / "o.wav", rate=RATE), voice[::-1], np.random.default_rng(0).normal(0, 0.1, 4 * RATE)]
    for other in others:
        assert agreement(codes(voice), codes(other)) < SAME - 0.03


def test_silence_says_nothing(voice, codes):
    silence = codes(np.zeros(4 * RATE))
    assert not silence.any()
    assert agreement(codes(voice), silence) is None
    assert agreement(silence, silence) is None
    assert agreement(np.empty(0, np.uint32), codes(voice)) is None


def test_a_file_without_sound(portrait_path):
    with pytest.raises(InputError):
        measure(portrait_path)


def test_what_lies_beyond_the_hashed_part_is_not_called_other(voice, codes, monkeypatch):
    monkeypatch.setattr(soundprint, "LONGEST", 2.0)
    start = codes(voice)
    assert len(start) < 2.0 * soundprint.RATE / soundprint.HOP
    monkeypatch.setattr(soundprint, "LONGEST", 3.0)
    assert agreement(start, codes(voice[-RATE * 3 // 2 :])) < SAME
    monkeypatch.setattr(soundprint, "LONGEST", 1.5)
    assert agreement(start, codes(voice[-RATE * 5 // 4 :])) is None


def test_it_is_kept_beside_the_picture(voice, codes):
    still = np.full((160, 160), 128, np.uint8)
    with_sound, without = Fingerprint(1.0, (still,), codes(voice)), Fingerprint(1.0, (still,))
    again = Fingerprint.from_bytes(with_sound.to_bytes())
    assert np.array_equal(again.sound, with_sound.sound)
    assert Fingerprint.from_bytes(without.to_bytes()).sound is None  # as rows of earlier versions
    assert without.to_bytes().startswith(b"FWF1")
    assert same_sound(with_sound, again) is True
    assert same_sound(with_sound, without) is None
    data = with_sound.to_bytes()
    for damaged in (data[:20], data[:14], data[:12] + b"\x03\0\0\0abc" + data[12:]):
        with pytest.raises(InputError):
            Fingerprint.from_bytes(damaged)
