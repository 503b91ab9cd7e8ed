"""A recovered record and the sound of the file: the same, replaced, taken out, or never hashed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from facewright.core.media import VideoReader, VideoWriter, read_audio
from facewright.provenance import Store, seal, verify
from facewright.provenance.fingerprint import Fingerprint, digest

RATE = 16_000


@pytest.fixture(scope="module")
def spoken(tmp_path_factory, picture, draft, speech_path):
    """A sealed clip with speech, the speech, and the home of whoever sealed it."""
    import cv2

    folder = tmp_path_factory.mktemp("spoken")
    voice = read_audio(speech_path, rate=RATE)[: 3 * RATE]
    still = cv2.resize(picture, (256, 256))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEWRIGHT_HOME", str(folder / "home"))
        sealed = seal(
            iter([still[None].repeat(25, 0)] * 3),
            folder / "clip.mp4",
            draft=draft,
            fps=25,
            width=256,
            height=256,
            audio=iter([voice]),
            audio_rate=RATE,
        )
    return sealed, voice, folder / "home"


@pytest.fixture(autouse=True)
def _home(spoken, monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(spoken[2]))


def stripped(source: Path, target: Path, sound: np.ndarray | None) -> Path:
    frames = np.concatenate([*VideoReader(source)])
    rate = None if sound is None else RATE
    with VideoWriter(target, width=256, height=256, fps=25, crf=24, audio_rate=rate) as writer:
        writer.write(frames)
        if sound is not None:
            writer.write_audio(sound.astype(np.float32))
    return target


SOUNDS = {
    "same": lambda voice: 0.5 * voice,
    "other": lambda voice: voice[::-1],
    "not compared": lambda voice: None,
}


@pytest.mark.parametrize("said", SOUNDS)
def test_the_line(spoken, tmp_path, said):
    sealed, voice, _ = spoken
    found = verify(stripped(sealed.path, tmp_path / "x.mp4", SOUNDS[said](voice)))
    assert (found.state, found.fingerprint["match"], found.fingerprint["sound"]) == ("recovered", True, said)
    (line,) = [line for line in found.lines if line.startswith("sound:")]
    assert line.startswith(f"sound: {said}")


def test_the_sealed_file_itself_needs_no_comparison(spoken):
    found = verify(spoken[0].path)
    assert found.fingerprint == {"similarity": None, "match": None, "sound": "not compared"}
    assert not [line for line in found.lines if line.startswith("sound:")]


def test_the_hash_is_covered_by_the_signed_digest(spoken):
    entry = Store().get(spoken[0].record_id)
    print_ = Fingerprint.from_bytes(entry.fingerprint)
    assert np.count_nonzero(print_.sound) > 50
    replaced = Fingerprint(print_.interval, print_.stills, print_.sound[::-1]).to_bytes()
    assert digest(entry.fingerprint) == entry.record.fingerprint_sha256 != digest(replaced)
