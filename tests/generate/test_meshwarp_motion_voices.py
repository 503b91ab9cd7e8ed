"""Real voices: lips say what they say. The judge is the benchmark's, a recogniser that had no part in the motion."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from facewright.core.faces import topology
from facewright.core.media import read_audio
from facewright.generate.bench.lips import judge, lip_distance
from facewright.generate.methods.meshwarp.motion_weights import load_motion

VOICES = {  # the last four were never heard in training
    "jfk": ["speech/jfk.flac"],
    "lj": [f"speech/ljspeech/LJ001-000{number}.wav" for number in (1, 3, 5)],
    "austen": [f"speech/librivox/sense_and_sensibility_01_austen_64kb-0{number}.wav" for number in (870, 890, 920)],
    "german": [f"speech/emodb/{name}.wav" for name in ("13a01Ac", "13a01Ea", "13a01Ec", "13a01Fd", "13a01Nb")],
    "ravdess": [f"speech/ravdess/03-01-0{number}-01-01-01-01.wav" for number in range(1, 9)],
    "ng": ["video_real/styletalk_sound_of__andrew_clip_1.wav"],
    "noem": ["video_real/styletalk_sound_of__KristiNoem.wav"],
    "li": ["video_real/styletalk_sound_of__feifeili_clip2_short.wav"],
}


@pytest.fixture(scope="module")
def judged(shared_data):
    pytest.importorskip("pocketsphinx")
    speech, rows = load_motion(), {}
    for voice, names in VOICES.items():
        parts = [np.append(read_audio(shared_data / name), np.zeros(4000, np.float32)) for name in names]
        samples = np.concatenate(parts)
        shape = np.concatenate([block.shape for block in speech.stream([samples])])
        lips = np.array([lip_distance(topology.MEAN_FACE + frame) for frame in shape])
        rows[voice] = asdict(judge(lips, 25.0, samples)) | {"spread": float(np.std(lips))}
    return rows


@pytest.mark.shared
@pytest.mark.slow
def test_lips_say_what_the_voice_says(judged):
    heard = {voice: row["auc"] for voice, row in judged.items()}
    assert np.mean(list(heard.values())) >= 0.88, heard
    assert min(heard.values()) >= 0.78, heard
    assert np.mean([heard[voice] for voice in ("ravdess", "ng", "noem", "li")]) >= 0.85, heard


@pytest.mark.shared
@pytest.mark.slow
def test_and_at_no_other_time(judged):
    assert np.mean([row["shifted"] for row in judged.values()]) <= 0.65
    assert all(abs(row["lag"]) <= 1 for row in judged.values())


@pytest.mark.shared
@pytest.mark.slow
def test_lips_do_not_follow_loudness(judged):
    assert np.mean([row["loudness"] for row in judged.values()]) < 0.45


@pytest.mark.shared
@pytest.mark.slow
def test_lips_move_as_much_as_people_s(judged):
    spread = np.mean([row["spread"] for row in judged.values()])
    assert 0.025 < spread < 0.06  # of the distance of the outer eye corners; tracked clips: 0.03 to 0.05
