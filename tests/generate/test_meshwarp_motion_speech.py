"""Voice to motion as a stream: fixed positions, flat memory, rest in silence, lips that meet."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from facewright.core.faces import topology
from facewright.core.media import read_audio
from facewright.generate.methods.meshwarp.basis import lip_gap
from facewright.generate.methods.meshwarp.motion import FaceMotion
from facewright.generate.methods.meshwarp.motion_weights import load_motion
from facewright.generate.methods.meshwarp.speech import BLOCK, Controls


@pytest.fixture(scope="module")
def voice(speech_path):
    return read_audio(speech_path)


@pytest.fixture(scope="module")
def speech():
    return load_motion()


def play(speech, samples, chunk=4000, **options) -> FaceMotion:
    blocks = list(speech.stream((samples[i : i + chunk] for i in range(0, len(samples), chunk)), **options))
    return FaceMotion.concatenate(blocks) if blocks else FaceMotion.rest(0)


def same(a: FaceMotion, b: FaceMotion) -> bool:
    return all(np.array_equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(FaceMotion))


@pytest.fixture(scope="module")
def spoken(speech, voice):
    return play(speech, voice, seed=3)


@pytest.mark.parametrize("chunk", [160, 7777, 10**7])
def test_motion_is_the_same_however_sound_arrives(speech, voice, spoken, chunk):
    assert same(play(speech, voice, chunk, seed=3), spoken)


def test_the_seed_moves_the_head_and_not_the_mouth_s_timing(speech, voice, spoken):
    other = play(speech, voice, seed=4)
    assert not np.allclose(other.pose, spoken.pose, atol=1e-3)
    assert np.allclose(lip_gap(other.shape), lip_gap(spoken.shape), atol=0.01)  # brows may differ, lips hardly


def test_a_longer_voice_begins_alike(speech, voice, spoken):
    longer = play(speech, np.concatenate([voice, voice]), seed=3)
    count = len(spoken) - 60  # the shorter one eases out over its last seconds
    assert count > 20
    assert same(longer[:count], spoken[:count])


@pytest.mark.parametrize("fps", [12, 24000 / 1001, 25, 60])
@pytest.mark.parametrize("samples", [0, 1, 3200, 16000, 41234])
def test_as_many_frames_as_the_sound_lasts(speech, fps, samples):
    blocks = list(speech.stream([np.zeros(samples, np.float32)], fps=fps))
    assert sum(map(len, blocks)) == round(samples / 16000 * fps)
    assert all(len(block) == BLOCK for block in blocks[:-1])


def test_the_same_moment_whatever_the_frame_rate(speech, voice, spoken):
    faster = play(speech, voice, seed=3, fps=50)
    assert np.abs(faster.pose[::2][: len(spoken)] - spoken.pose).max() < 1e-5
    assert np.abs(faster.gaze[::2][: len(spoken)] - spoken.gaze).max() < 1e-5


def test_a_stream_is_not_waited_for(speech):
    pulled = 0

    def endless():
        nonlocal pulled
        while True:
            pulled += 1
            yield np.zeros(16000, np.float32)

    stream = speech.stream(endless())
    for number in range(1, 8):
        next(stream)
        assert pulled <= 2 * number + 8


@pytest.mark.parametrize("level", [0.0, 1e-3, 0.05])
def test_no_words_no_mouth(speech, level):
    noise = np.random.default_rng(0).normal(0, 1, 5 * 16000).astype(np.float32) * level
    quiet = play(speech, noise)
    assert lip_gap(quiet.shape).max() < 0.004
    lips = quiet.shape[:, topology.LIPS_OUTER]
    assert np.abs(np.diff(lips, axis=0)).max() < 0.002
    assert np.degrees(np.abs(quiet.pose[:, :3]).max()) > 0.3  # alive all the same


def test_begins_and_ends_at_rest(spoken):
    assert np.abs(spoken.pose[0]).max() < 1e-3
    assert np.abs(spoken.pose[-1]).max() < 3e-3
    assert np.abs(spoken.shape[[0, -1]]).max() < 0.01
    assert spoken.blink[[0, -1]].max() < 0.05


def test_steps_are_smooth(spoken):
    assert np.degrees(np.abs(np.diff(spoken.pose[:, :3], axis=0))).max() < 2.5  # a frame
    assert np.abs(np.diff(spoken.shape, axis=0)).max() < 0.12


@pytest.mark.parametrize("own", [0.0, 0.06, 0.15])
def test_lips_meet_on_any_portrait(speech, voice, own):
    neutral = topology.MEAN_FACE.copy()
    arch = np.sin(np.linspace(0, np.pi, 11))[1:-1] * own
    neutral[topology.LIPS_LOWER_INNER[1:-1], 1] += arch
    moved = play(speech, voice, neutral=neutral, seed=1)
    gap = lip_gap(neutral + moved.shape)
    assert gap.min() > -1e-4  # nor are they pressed through each other
    shut = gap.max(1) < 0.004
    starts = np.flatnonzero(np.diff(shut.astype(int)) == 1)
    assert len(starts) >= 6  # "Bob and Pam bumped my big map, and maybe Mum keeps plums by the pump"
    assert gap.mean(1).max() > 0.05


def test_nothing_shuts_or_turns_the_eyes_but_their_own_channels(spoken):
    eyes = np.concatenate([topology.LEFT_EYE, topology.RIGHT_EYE, topology.LEFT_IRIS, topology.RIGHT_IRIS])
    assert np.abs(spoken.shape[:, eyes]).max() < 1e-6


def test_controls(speech, voice, spoken):
    still = play(speech, voice, seed=3, controls=Controls(head_motion=0, blink=0, gaze=0, mouth=0))
    assert np.abs(still.pose).max() == 0
    assert still.blink.max() == 0
    assert np.abs(still.gaze).max() == 0
    assert lip_gap(still.shape).max() < 0.012  # the brows' lift may tell on the lips by a hair
    wider = play(speech, voice, seed=3, controls=Controls(mouth=1.6))
    assert lip_gap(wider.shape).mean() > 1.2 * lip_gap(spoken.shape).mean()
    calmer = play(speech, voice, seed=3, controls=Controls(head_motion=0.5))
    assert np.allclose(calmer.pose, spoken.pose / 2, atol=1e-6)


@pytest.mark.parametrize("emotion", ["happy", "sad", "angry", "surprised"])
def test_emotions_add_up_and_lips_still_meet(speech, voice, spoken, emotion):
    mild, strong = (
        play(speech, voice, seed=3, controls=Controls(emotion=emotion, level=level)) for level in (0.3, 0.9)
    )
    rest = [np.abs(one.shape - spoken.shape)[:, topology.LIPS_OUTER].mean() for one in (mild, strong)]
    assert 0.0005 < rest[0] < rest[1]
    assert (lip_gap(topology.MEAN_FACE + strong.shape).max(1) < 0.004).sum() >= 6


@pytest.mark.slow
def test_memory_does_not_grow(speech):
    import tracemalloc

    def hiss(seconds):
        random = np.random.default_rng(1)
        return (random.normal(0, 0.05, 16000).astype(np.float32) for _ in range(seconds))

    peaks = []
    for seconds in (20, 400):
        tracemalloc.start()
        for _ in speech.stream(hiss(seconds)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0] + 2e5
