"""The sound watermark from the outside: real encodes and filters, unmarked sound, another key, chunks of any size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import read_audio
from facewright.provenance.watermark import PUBLIC_KEY
from facewright.provenance.watermark.sound import SoundMarker, mask, read_sound_mark, search
from facewright.provenance.watermark.sound.cells import SLOT, SLOTS, cells

RECORD, RATE = "00c0ffee12345678", 48_000
RNG = np.random.default_rng


def mark(sound: np.ndarray, rate: int = RATE, record_id: str = RECORD, cut: int = 4800, **key) -> np.ndarray:
    chunks = (sound[start : start + cut] for start in range(0, len(sound), cut))
    return np.concatenate([np.empty(0, np.float32), *SoundMarker(record_id, rate=rate, **key).mark(chunks)])


def frame(sound: np.ndarray, rate: int = RATE) -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32)[None], format="fltp", layout="mono")
    made.sample_rate, made.time_base, made.pts = rate, Fraction(1, rate), 0
    return made


def encoded(sound: np.ndarray, path: Path, codec: str, bit_rate: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        if bit_rate:
            stream.bit_rate = bit_rate
        resampler = av.AudioResampler(stream.format, "mono", RATE, stream.codec_context.frame_size or 1024)
        for each in (*resampler.resample(frame(sound)), *resampler.resample(None), None):
            container.mux(stream.encode(each))
    return path


def filtered(sound: np.ndarray, *filters: tuple[str, str]) -> np.ndarray:
    graph = av.filter.Graph()
    nodes = [graph.add_abuffer(sample_rate=RATE, format="fltp", layout="mono", time_base=Fraction(1, RATE))]
    nodes += [graph.add(name, options) for name, options in filters]
    nodes += [graph.add("aformat", f"sample_fmts=fltp:sample_rates={RATE}"), graph.add("abuffersink")]
    graph.link_nodes(*nodes).configure()
    graph.push(frame(sound))
    graph.push(None)
    out = []
    while True:
        try:
            out.append(graph.pull().to_ndarray()[0])
        except (av.BlockingIOError, av.EOFError):
            return np.concatenate(out)


def heard(sound: np.ndarray, folder: Path) -> np.ndarray:
    """As the reader's rate has it."""
    return read_audio(encoded(sound, folder / "heard.wav", "pcm_f32le"), rate=search.RATE)


def plus(sound: np.ndarray, other: np.ndarray, below: float) -> np.ndarray:
    return sound + other * np.sqrt(np.mean(sound**2) / np.mean(other**2)) * np.float32(10 ** (-below / 20))


def chords(samples: int) -> np.ndarray:
    """Plucked strings, two chords a second."""
    rng, time_, out = RNG(3), np.arange(samples) / RATE, np.zeros(samples)
    for beat in np.arange(0, samples / RATE, 0.5):
        decay = (time_ >= beat) * np.exp(-3 * np.maximum(time_ - beat, 0))
        for tone in rng.choice([220, 262, 330, 392, 440, 523], 3):
            out += decay * sum(np.sin(2 * np.pi * tone * part * time_) / part for part in range(1, 7))
    return out.astype(np.float32)


@pytest.fixture(scope="session")
def voice(speech_path: Path) -> np.ndarray:
    """The sentence twice: some eight seconds at RATE."""
    once = read_audio(speech_path, rate=RATE)
    return np.concatenate([once, once])


@pytest.fixture(scope="session")
def marked(voice: np.ndarray) -> np.ndarray:
    return mark(voice)


@pytest.mark.parametrize(
    ("codec", "bit_rate", "name"),
    [
        ("aac", 64_000, "x.m4a"),
        ("libmp3lame", 96_000, "x.mp3"),
        ("libopus", 64_000, "x.opus"),
        ("pcm_s16le", 0, "x.wav"),
    ],
)
def test_codecs(marked, tmp_path, codec, bit_rate, name):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    reading = read_sound_mark(encoded(marked, tmp_path / name, codec, bit_rate))
    assert reading.found
    assert reading.record_id == RECORD
    assert reading.p_value < 1e-12


CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "16 kHz and back": (("aresample", "16000"),),
    "44.1 kHz": (("aresample", "44100"),),
    "low-pass at 8 kHz": (("lowpass", "f=8000"),),
    "quieter by 20 dB": (("volume", "-20dB"),),
    "louder by 10 dB, clipped": (("volume", "10dB"), ("aformat", "sample_fmts=s16")),
    "a tenth faster": (("asetrate", "52800"),),
    "a tenth slower": (("asetrate", "43200"),),
    "3.7 % faster": (("asetrate", "49776"),),
    "tempo + 10 %": (("atempo", "1.1"),),
    "tempo - 10 %": (("atempo", "0.9"),),
    "pitch + 10 %": (("asetrate", "52800"), ("aresample", "48000"), ("atempo", str(1 / 1.1))),
    "pitch - 10 %": (("asetrate", "43200"), ("aresample", "48000"), ("atempo", str(1 / 0.9))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes(marked, tmp_path, change):
    reading = read_sound_mark(heard(filtered(marked, *CHANGES[change]), tmp_path))
    assert reading.record_id == RECORD
    if "tempo" in change or "slower" in change:
        assert abs(reading.details["speed"] - (1.1 if "+" in change else 0.9)) < 0.003


@pytest.mark.parametrize("seed", range(3))
def test_white_noise_20_db_below(marked, tmp_path, seed):
    sound = heard(marked, tmp_path)
    assert read_sound_mark(plus(sound, RNG(seed).standard_normal(len(sound)), 20)).record_id == RECORD


def test_music_10_db_below(marked, tmp_path):
    assert read_sound_mark(heard(plus(marked, chords(len(marked)), 10), tmp_path)).record_id == RECORD


@pytest.mark.parametrize("start", [0.0, 1.234, 2.5, 4.7])
def test_any_three_seconds(marked, tmp_path, start):
    part = marked[round(start * RATE) :][: 3 * RATE]
    assert read_sound_mark(heard(part, tmp_path)).record_id == RECORD


def test_a_part_of_long_sound(voice, tmp_path):
    """Marked sound behind half a minute of other sound is found where it is."""
    sound = heard(np.concatenate([0.1 * RNG(0).standard_normal(30 * RATE).astype(np.float32), mark(voice)]), tmp_path)
    reading = read_sound_mark(sound)
    assert reading.record_id == RECORD
    assert reading.details["start"] > 20


def test_chunks_do_not_matter(voice):
    rng = RNG(0)
    cuts = np.sort(rng.integers(0, len(voice), 60))
    marker = SoundMarker(RECORD, rate=RATE)
    whole = np.concatenate(list(marker.mark([voice])))
    assert np.array_equal(whole, np.concatenate(list(marker.mark(np.split(voice, cuts)))))  # and a marker can go again
    assert len(whole) == len(voice)
    assert whole.dtype == np.float32


def test_streaming(voice):
    given = 0

    def source() -> Iterator[np.ndarray]:
        nonlocal given
        for start in range(0, len(voice), 480):
            given += len(voice[start : start + 480])
            yield voice[start : start + 480]

    came, latest = 0, 0
    for block in SoundMarker(RECORD, rate=RATE).mark(source()):
        came += len(block)
        latest = max(latest, given - came)
    assert latest < 1.2 * RATE


@pytest.mark.parametrize("samples", [0, 1, 10, 51_839, 51_840, 55_000])
def test_short_and_silent_sound_is_left_alone(samples):
    silence = np.zeros(samples, np.float32)
    assert np.array_equal(mark(silence), silence)
    assert not read_sound_mark(silence[::3]).found


def test_pauses_stay_silent(voice):
    sound = np.concatenate([voice, np.zeros(2 * RATE, np.float32)])
    assert not mark(sound)[len(voice) + RATE // 10 :].any()


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100])
def test_rates(speech_path, rate):
    once = read_audio(speech_path, rate=rate)
    sound = mark(np.concatenate([once, once]), rate)
    assert len(sound) == 2 * len(once)
    graph = av.AudioResampler("fltp", "mono", search.RATE)
    blocks = [each.to_ndarray()[0] for given in (frame(sound, rate), None) for each in graph.resample(given)]
    assert read_sound_mark(np.concatenate(blocks)).record_id == RECORD


@pytest.mark.parametrize("bad", [{"record_id": "x"}, {"rate": 4000}])
def test_what_cannot_be_marked(bad):
    with pytest.raises(ValueError, match=r"record id|samples per second"):
        SoundMarker(**{"record_id": RECORD, "rate": RATE, **bad})


def test_keys(voice, tmp_path, monkeypatch):
    private = b"a key of sixteen bytes or more"
    sound = heard(mark(voice, key=private), tmp_path)
    assert not read_sound_mark(sound).found
    assert read_sound_mark(sound, key=private).record_id == RECORD
    (tmp_path / "key").write_bytes(private)
    monkeypatch.setenv("FACEWRIGHT_MARK_KEY", str(tmp_path / "key"))
    assert read_sound_mark(sound).record_id == RECORD
    assert read_sound_mark(heard(mark(voice, key=PUBLIC_KEY), tmp_path)).record_id == RECORD  # of others, too


def test_marked_twice_the_last_one_counts(marked, tmp_path):
    assert read_sound_mark(heard(mark(marked, record_id="f" * 16), tmp_path)).record_id == "f" * 16


def test_no_sound(portrait_path, tmp_path):
    with pytest.raises(InputError):
        read_sound_mark(portrait_path)
    (tmp_path / "x.wav").write_bytes(b"hello")
    with pytest.raises(InputError):
        read_sound_mark(tmp_path / "x.wav")


UNMARKED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "speech": lambda voice: voice,
    "noise": lambda voice: 0.1 * RNG(1).standard_normal(len(voice)),
    "tone": lambda voice: 0.3 * np.sin(2 * np.pi * 220 * np.arange(len(voice)) / RATE),
    "chords": lambda voice: 0.1 * chords(len(voice)),
    "a clock of the mark's period": lambda voice: (np.arange(len(voice)) % round(SLOT * SLOTS * RATE) < 200) * 0.5,
}


@pytest.mark.parametrize("kind", UNMARKED)
def test_nothing_found_in_unmarked_sound(voice, tmp_path, kind):
    reading = read_sound_mark(heard(UNMARKED[kind](voice).astype(np.float32), tmp_path))
    assert not reading.found
    assert reading.record_id is None
    assert reading.p_value > 1e-3


def test_the_p_value_is_a_bound(voice, tmp_path):
    """Over keys that nobody used, a bound of p comes out at most as often as p says."""
    listener = search.Listener(heard(voice, tmp_path))
    scores = [search.align(listener, cells(b"nobody's key %d" % index), 1.0, 1.0).z for index in range(600)]
    bounds = search.OFFSETS * np.exp(-(np.array(scores) ** 2) / 2)
    for level in (0.5, 0.1, 0.02):
        assert np.mean(bounds <= level) <= level
    assert np.mean(scores) > 2  # the best of many offsets: something was correlated


def test_the_change_is_below_the_masking_threshold(voice, marked):
    size = RATE // 25
    window = np.hanning(size)
    power, noise = (
        np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(each, size)[:: size // 2] * window, axis=1)) ** 2
        for each in (voice, marked - voice)
    )
    threshold, _, band = mask.thresholds(power, RATE / size, size**2 * 0.375 / 4)
    noise = np.add.reduceat(noise, np.searchsorted(band, np.arange(band[-1] + 1)), axis=1)
    loud = power.sum(axis=1) > 1e-6 * size**2
    assert 10 * np.log10(np.mean((noise / threshold)[loud])) < -6  # noise-to-mask ratio
    assert 10 * np.log10(np.mean(voice**2) / np.mean((marked - voice) ** 2)) > 13


def test_speed(voice, marked, tmp_path):
    began = time.process_time()
    mark(voice)
    assert time.process_time() - began < 0.02 * len(voice) / RATE
    sound = heard(voice, tmp_path)
    began = time.process_time()
    assert not read_sound_mark(sound).found  # the longest way
    assert time.process_time() - began < 2 * len(voice) / RATE / 10 + 0.2
