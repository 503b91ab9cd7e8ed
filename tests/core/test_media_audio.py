"""Sound out of files: every sample in its place, whatever the format, the channels and the chunk."""

from __future__ import annotations

import math
import struct
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from facewright.core.errors import InputError, UsageError
from facewright.core.media import AudioReader, VideoReader, probe, read_audio


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(path, samples: np.ndarray, rate: int, width: int):
    """Integers of `width` bytes (8 bit is unsigned), interleaved (n, channels)."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(width)
        out.setframerate(rate)
        scaled = np.round(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
        scaled = scaled + 128 if width == 1 else scaled
        raw = scaled.astype("<i8").reshape(-1, 1).view(np.uint8).reshape(-1, 8)[:, :width]
        out.writeframes(raw.tobytes())
    return path


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_integers_of_every_width(tmp_path, width, channels):
    want = tone(0.5, 16000)
    path = wav(tmp_path / "a.wav", np.repeat(want[:, None], channels, axis=1), 16000, width)
    got = read_audio(path)
    assert got.dtype == np.float32
    assert got.shape == want.shape
    assert np.abs(got - want).max() < 2 / 2 ** min(8 * width - 1, 22)


@pytest.mark.parametrize(
    ("name", "codec", "sample_format", "layout"),
    [
        ("a.wav", "pcm_f32le", "flt", "stereo"),
        ("a.wav", "pcm_f64le", "dbl", "mono"),
        ("a.flac", "flac", "s16", "5.1"),
        ("a.m4a", "aac", "fltp", "stereo"),
        ("a.mka", "libopus", "flt", "stereo"),
        ("a.ogg", "libopus", "flt", "mono"),
        ("a.mp3", "libmp3lame", "fltp", "mono"),
        ("a.caf", "pcm_s16be", "s16", "7.1"),
    ],
)
def test_formats_and_layouts(clips, tmp_path, name, codec, sample_format, layout):
    want = tone(2, 48000)
    channels = av.AudioLayout(layout).nb_channels
    full = np.repeat(want[None], channels, axis=0)
    if sample_format == "s16":
        full = np.round(full * 32767).astype(np.int16)
    if not sample_format.endswith("p"):
        full = full.T.reshape(1, -1)
    path = clips.write(
        tmp_path / name,
        sound=np.ascontiguousarray(full.astype({"dbl": np.float64, "s16": np.int16}.get(sample_format, np.float32))),
        sound_codec=codec,
        sound_format=sample_format,
        sound_layout=layout,
    )
    got = read_audio(path, rate=48000)
    assert abs(len(got) - len(want)) <= 1152  # lossy codecs pad their last frame
    errors = [np.abs(got[4800 + lag : 91200 + lag] - want[4800:91200]).max() for lag in (0, -1, 1)]
    assert errors[0] == min(errors) < 0.022  # in place, at the right loudness


def test_sixty_four_bits(tmp_path):
    want = tone(0.5, 16000)
    data = (want.astype(np.float64) * 2**62).astype("<i8").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16000, 128_000, 8, 64)
    head = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE") + form + struct.pack("<4sI", b"data", len(data))
    (tmp_path / "a.wav").write_bytes(head + data)
    assert np.abs(read_audio(tmp_path / "a.wav") - want / 2).max() < 1e-6


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("stored", [8000, 22050, 44100])
def test_resampling_keeps_time_and_level(tmp_path, rate, stored):
    path = wav(tmp_path / "a.wav", tone(1, stored)[:, None], stored, 2)
    got, want = read_audio(path, rate=rate), tone(1, rate)
    assert abs(len(got) - rate) <= 1
    assert np.abs(got - want[: len(got)])[rate // 20 : -rate // 20].max() < 2e-3


@pytest.mark.parametrize("chunk", [1, 160, 1000, 16000, 10**6])
def test_samples_do_not_depend_on_the_chunk(speech_path, chunk):
    whole = read_audio(speech_path)
    chunks = list(AudioReader(speech_path, chunk=chunk, seconds=1 if chunk == 1 else None))
    assert {len(each) for each in chunks[:-1]} <= {chunk}
    got = np.concatenate(chunks)
    assert np.array_equal(got, whole[: len(got)])
    assert len(got) == (16000 if chunk == 1 else len(whole))


@pytest.mark.parametrize(("start", "seconds"), [(0.5, 1.0), (1.23456, None), (3, 0.01)])
def test_a_window_is_a_slice_of_the_whole(speech_path, start, seconds):
    whole = read_audio(speech_path)
    got = np.concatenate(list(AudioReader(speech_path, start=start, seconds=seconds)))
    first = round(start * 16000)
    last = len(whole) if seconds is None else first + round(seconds * 16000)
    assert np.array_equal(got, whole[first:last])


@pytest.mark.parametrize(("name", "codec", "sample_format"), [("a.mp4", "aac", "fltp"), ("a.wav", "pcm_s16le", "s16")])
def test_a_sought_window_is_a_slice_of_the_whole(clips, tmp_path, name, codec, sample_format):
    sound = np.random.default_rng(3).normal(0, 0.1, (1, 44100 * 30)).astype(np.float32)
    if sample_format == "s16":
        sound = (sound * 32767).astype(np.int16)
    path = clips.write(tmp_path / name, sound=sound, sound_codec=codec, sound_format=sample_format, sound_rate=44100)
    whole = read_audio(path)
    for start in (12.34567, 20.0, 29.5):
        got = np.concatenate(list(AudioReader(path, start=start, seconds=0.4)))
        assert np.array_equal(got, whole[round(start * 16000) :][: len(got)])
        assert len(got) == 6400


@pytest.mark.parametrize("late", [0.2, 0.0])
@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.ts"])
def test_sound_keeps_its_place_against_the_picture(clips, tmp_path, name, late):
    sound = np.concatenate([np.zeros(24000, np.float32), tone(0.5, 48000)])[None]
    path = clips.write(tmp_path / name, clips.numbered(60), sound=sound, sound_start=late)
    got = read_audio(path)
    begins = np.argmax(np.abs(got) > 0.05) / 16000
    assert begins == pytest.approx(0.5 + late, abs=0.002)
    if late:
        assert not got[: int(0.19 * 16000)].any()
    shifted = np.concatenate(list(AudioReader(path, start=0.3)))
    assert np.array_equal(shifted, got[4800:])


def test_sound_before_the_picture_is_cut(clips, tmp_path):
    sound = np.concatenate([tone(0.4, 48000), np.zeros(24000, np.float32)])[None]
    path = clips.write(tmp_path / "early.mkv", clips.numbered(30), ticks=range(5, 35), sound=sound)
    got = read_audio(path)
    assert clips.numbers(VideoReader(path)) == list(range(30))
    assert np.abs(got[:2900]).max() > 0.3  # 0.4 s of tone, 0.2 s of it before the first picture
    assert np.abs(got[3600:]).max() < 0.01


def test_holes_are_filled_with_silence(tmp_path):
    path = tmp_path / "hole.mka"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        for begin in (0, 16000):  # half a second of sound, half a second of nothing
            frame = av.AudioFrame.from_ndarray(np.full((1, 8000), 8192, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, begin, Fraction(1, 16000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    got = read_audio(path)
    assert len(got) == 24000
    assert np.array_equal(got != 0, np.repeat([True, False, True], 8000))


def test_what_is_not_a_number_becomes_silence(clips, tmp_path):
    sound = tone(0.2, 16000)[None].copy()
    sound[0, 100:110], sound[0, 200], sound[0, 300] = np.nan, np.inf, -1e30
    path = clips.write(tmp_path / "a.wav", sound=sound, sound_codec="pcm_f32le", sound_format="flt", sound_rate=16000)
    for rate in (16000, 24000):
        got = read_audio(path, rate=rate)
        assert np.isfinite(got).all()
        assert np.abs(got).max() <= 1


def test_surround_is_mixed_for_the_voice(clips, tmp_path):
    """The centre counts most, the low-frequency channel nothing, and the sum cannot overshoot."""
    levels = {}
    for index, name in enumerate(("FL", "FR", "FC", "LFE", "SL", "SR")):
        sound = np.zeros((6, 16000), np.int16)
        sound[index] = 32767
        path = clips.write(
            tmp_path / f"{name}.wav",
            sound=sound.T.reshape(1, -1).copy(),
            sound_codec="pcm_s16le",
            sound_format="s16",
            sound_layout="5.1",
            sound_rate=16000,
        )
        levels[name] = float(read_audio(path)[8000])
    assert levels["FC"] == max(levels.values())
    assert levels["LFE"] == 0
    assert levels["FL"] == levels["FR"] > levels["SL"] == levels["SR"] > 0
    assert math.isclose(sum(levels.values()), 1, abs_tol=1e-3)


def test_silence_is_sound(tmp_path):
    path = wav(tmp_path / "silent.wav", np.zeros((8000, 2)), 48000, 1)
    assert not read_audio(path).any()


def test_probe_tells_the_sound(speech_path):
    info = probe(speech_path)
    assert info.video is None
    assert (info.audio.codec, info.audio.rate, info.audio.channels) == ("pcm_s16le", 22050, 1)
    assert info.seconds == pytest.approx(len(read_audio(speech_path)) / 16000, abs=1e-3)


def test_missing_and_empty_sound(clips, tmp_path):
    mute = clips.write(tmp_path / "mute.mp4", clips.numbered(5))
    nothing = wav(tmp_path / "nothing.wav", np.zeros((0, 1)), 16000, 2)
    for path, codes in ((mute, {"no_audio"}), (nothing, {"empty"})):
        with pytest.raises(InputError) as caught:
            read_audio(path)
        assert caught.value.code in codes


def test_beyond_the_end_is_too_short(speech_path):
    with pytest.raises(InputError) as caught:
        list(AudioReader(speech_path, start=60))
    assert caught.value.code == "too_short"


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"chunk": 0}, {"start": -1}, {"seconds": -1}, {"start": math.nan}])
def test_arguments_out_of_range(speech_path, wrong):
    with pytest.raises(UsageError):
        AudioReader(speech_path, **wrong)
