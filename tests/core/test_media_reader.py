"""Frames out of files: the right one at every time, upright, in the right colours."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from facewright.core.errors import InputError, UsageError
from facewright.core.media import VideoReader, probe

COUNT = 200  # 8 s at 25 frames per second: beyond the first keyframe and the pre-roll of a seek


@pytest.fixture(scope="module")
def numbered(clips, tmp_path_factory):
    """A clip with B-frames and a keyframe each 1.2 s, numbered 0 … 199."""
    path = tmp_path_factory.mktemp("numbered") / "it's a clip, %03d naïve.mp4"
    return clips.write(path, clips.numbered(COUNT), options={"g": "30", "bf": "3", "preset": "ultrafast"})


@pytest.mark.parametrize("chunk", [1, 7, 32, 1000])
def test_every_frame_once_whatever_the_chunk(clips, numbered, chunk):
    reader = VideoReader(numbered, chunk=chunk)
    chunks = list(reader)
    assert clips.numbers(chunks) == list(range(COUNT))
    assert {len(each) for each in chunks[:-1]} <= {chunk}
    assert all(each.dtype == np.uint8 and each.shape[1:] == (96, 128, 3) for each in chunks)
    assert (reader.width, reader.height, reader.fps, reader.warnings) == (128, 96, 25, [])


def test_a_second_pass_gives_the_same(clips, numbered):
    reader = VideoReader(numbered)
    assert all(np.array_equal(a, b) for a, b in zip(reader, reader, strict=True))


@pytest.mark.parametrize("fps", [50, 30, 24, 12.5, 10, 5, Fraction(30000, 1001), 1])
def test_another_rate_shows_what_a_player_shows(clips, numbered, fps):
    got = clips.numbers(VideoReader(numbered, fps=fps))
    assert len(got) == math.ceil((COUNT / 25 - 0.4 * min(1 / 25, 1 / fps)) * fps)
    for k, number in enumerate(got):
        shown_since, next_comes = number / 25 - k / fps, (number + 1) / 25 - k / fps
        slack = 0.4 * min(1 / 25, 1 / fps)
        assert shown_since <= slack + 1e-9
        assert next_comes > slack - 1e-9 or number == COUNT - 1


@pytest.mark.parametrize(
    ("start", "seconds", "first", "count"),
    [(0, 2, 0, 50), (1, 1, 25, 25), (3.2, 0.4, 80, 10), (5, None, 125, 75), (5.05, 1, 126, 25), (7.96, 3, 199, 1)],
)
def test_start_and_seconds_are_exact(clips, numbered, start, seconds, first, count):
    got = clips.numbers(VideoReader(numbered, start=start, seconds=seconds))
    assert got == list(range(first, first + count))


def test_seeking_gives_the_pixels_of_reading_through(numbered):
    whole = np.concatenate(list(VideoReader(numbered)))
    for start in (2.2, 4.0, 6.6):
        part = np.concatenate(list(VideoReader(numbered, start=start)))
        assert np.array_equal(part, whole[round(start * 25) :])


def test_beyond_the_end_is_too_short(numbered):
    with pytest.raises(InputError, match="no picture 9 s") as caught:
        list(VideoReader(numbered, start=9))
    assert caught.value.code == "too_short"


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "fps"),
    [
        ("a.mkv", "libx264", "yuv420p", Fraction(30000, 1001)),  # time stamps rounded to milliseconds
        ("a.avi", "mpeg4", "yuv420p", 25),  # no presentation time stamps
        ("a.ts", "mpeg2video", "yuv420p", 25),  # begins at 1.4 s
        ("a.mov", "mjpeg", "yuvj420p", 24),
        ("a.webm", "libvpx-vp9", "yuv420p", 60),
        ("a.h264", "libx264", "yuv420p", 25),  # no time stamps at all
        ("a.flv", "flv", "yuv420p", 30),
        ("a.mkv", "ffv1", "yuv422p10le", 25),
        ("a.gif", "gif", "rgb8", 10),
    ],
)
def test_containers_and_codecs(clips, tmp_path, name, codec, pix_fmt, fps):
    options = {"cpu-used": "8"} if "vp9" in codec else {"bf": "2"} if codec in ("mpeg4", "libx264") else {}
    path = clips.write(tmp_path / name, clips.numbered(60), codec=codec, pix_fmt=pix_fmt, fps=fps, options=options)
    reader = VideoReader(path)
    assert clips.numbers(reader) == list(range(60)), reader.info
    assert reader.fps == fps
    assert reader.info.seconds == pytest.approx(60 / fps, abs=0.06)
    assert clips.numbers(VideoReader(path, start=20 / float(fps)))[:5] == list(range(20, 25))


def test_variable_rate_becomes_constant(clips, tmp_path):
    ticks = [0, 40, 80, 400, 440, 441, 442, 480, 1000]  # ms: a pause, three pictures at once, a long last one
    path = clips.write(
        tmp_path / "vfr.mkv", clips.numbered(9), codec="ffv1", pix_fmt="yuv444p", ticks=ticks, tick=Fraction(1, 1000)
    )
    got = clips.numbers(VideoReader(path, fps=25))
    assert got[:26] == [0, 1] + [2] * 8 + [3, 6] + [7] * 13 + [8]


def test_jitter_neither_drops_nor_repeats(clips, tmp_path):
    rng = np.random.default_rng(5)
    ticks = [33 * k + int(rng.integers(-9, 10)) + 10 for k in range(120)]
    path = clips.write(
        tmp_path / "phone.mkv",
        clips.numbered(120),
        codec="ffv1",
        pix_fmt="yuv444p",
        ticks=ticks,
        tick=Fraction(1, 1000),
    )
    got = clips.numbers(VideoReader(path, fps=1000 / Fraction(33)))
    assert got == list(range(120))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_is_applied(clips, tmp_path, degrees, mirrored):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48], picture[:32, 48:], picture[32:, :48] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    path = clips.write(
        tmp_path / "turned.mp4",
        np.stack([picture] * 3),
        prepare=lambda video: video.set_display_rotation(degrees, hflip=mirrored),
    )
    reader = VideoReader(path)
    (frames,) = reader
    # PyAV turns counter-clockwise and mirrors afterwards; `rotation` is what a player does, clockwise.
    expected = np.rot90(picture, degrees // 90)
    expected = expected[:, ::-1] if mirrored else expected
    assert frames.shape[1:] == expected.shape == (reader.height, reader.width, 3)
    assert np.abs(frames[0].astype(int) - expected)[8:-8, 8:-8].mean() < 12
    assert reader.info.video.mirrored is mirrored
    if not mirrored:
        assert reader.info.video.rotation == -degrees % 360


def test_pixels_become_square(clips, tmp_path):
    def anamorphic(video):
        video.codec_context.sample_aspect_ratio = Fraction(4, 3)

    path = clips.write(tmp_path / "pal.mkv", clips.numbered(3), prepare=anamorphic)
    reader = VideoReader(path)
    assert (reader.width, reader.height) == (171, 96)
    assert next(iter(reader)).shape == (3, 96, 171, 3)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "name"), [("ffv1", "yuv420p", "o.mkv"), ("libvpx-vp9", "yuv420p", "o.webm")]
)
def test_odd_sizes(clips, tmp_path, codec, pix_fmt, name):
    frames = clips.numbered(4, width=133, height=77)
    path = clips.write(tmp_path / name, frames, codec=codec, pix_fmt=pix_fmt)
    reader = VideoReader(path)
    (got,) = reader
    assert got.shape == frames.shape
    assert clips.numbers([got]) == [0, 1, 2, 3]


def test_transparency_lies_over_grey(clips, tmp_path):
    frames = np.zeros((2, 48, 64, 4), np.uint8)
    frames[..., 0] = 255
    frames[:, :, :32, 3] = 255
    frames[:, :, 48:, 3] = 128
    path = clips.write(tmp_path / "alpha.mov", frames, codec="qtrle", pix_fmt="argb", array_format="rgba")
    picture = next(iter(VideoReader(path)))[0]
    assert np.array_equal(picture[20, 10], (255, 0, 0))
    assert np.array_equal(picture[20, 40], (128, 128, 128))
    assert np.abs(picture[20, 56].astype(int) - (192, 64, 64)).max() <= 1


COLORS = np.array(
    [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (200, 120, 90), (30, 60, 20), (255, 255, 255), (0, 0, 0)]
)


@pytest.mark.parametrize(
    ("matrix", "tag", "full", "pix_fmt"),
    [
        ("ITU709", 1, False, "yuv444p"),
        ("ITU709", 1, True, "yuv444p"),
        ("ITU601", 6, False, "yuv420p"),
        ("ITU601", 5, True, "yuv420p"),
        ("BT2020", 9, False, "yuv444p10le"),
        ("ITU601", 2, False, "yuv420p"),  # untagged and small: BT.601
    ],
)
def test_color_matrix_and_range(clips, tmp_path, matrix, tag, full, pix_fmt):
    frames = np.repeat(np.repeat(COLORS[None, None], 48, axis=1), 16, axis=2).astype(np.uint8)

    def tagged(video):
        video.codec_context.colorspace, video.codec_context.color_range = tag, 2 if full else 1

    convert = {"dst_colorspace": matrix, "dst_color_range": 2 if full else 1, "interpolation": 0x4 | 0x40000 | 0x2000}
    path = clips.write(tmp_path / "tagged.mkv", frames, codec="ffv1", pix_fmt=pix_fmt, prepare=tagged, convert=convert)
    got = next(iter(VideoReader(path)))[0, 24, 8::16]
    assert np.abs(got.astype(int) - COLORS).max() <= 2


def test_high_dynamic_range_is_said(clips, tmp_path):
    def pq(video):
        video.codec_context.color_trc, video.codec_context.color_primaries = 16, 9

    path = clips.write(tmp_path / "hdr.mkv", clips.numbered(3), codec="ffv1", pix_fmt="yuv420p10le", prepare=pq)
    video = probe(path).video
    assert (video.hdr, video.pixel_format) == ("PQ", "yuv420p10le")
    assert clips.numbers(VideoReader(path)) == [0, 1, 2]


def test_interlaced_is_accepted(clips, tmp_path):
    def fields(video):
        video.codec_context.flags |= 0x20040000  # interlaced DCT and motion estimation

    path = clips.write(tmp_path / "pal.mpg", clips.numbered(12), codec="mpeg2video", prepare=fields)
    assert clips.numbers(VideoReader(path)) == list(range(12))
    assert probe(path).video.interlaced


def test_cover_art_is_no_video(clips, tmp_path, speech_path, portrait_path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as out, av.open(str(speech_path)) as speech, av.open(str(portrait_path)) as cover:
        sound = out.add_stream("mp3", rate=44100)
        art = out.add_stream_from_template(cover.streams.video[0], opaque=True)
        art.disposition = av.stream.Disposition.attached_pic
        packet = next(packet for packet in cover.demux() if packet.size)
        packet.stream = art
        out.mux(packet)
        for frame in speech.decode(audio=0):
            frame.pts = None
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    assert probe(path).video is None
    assert probe(path).audio.codec.startswith("mp3")
    with pytest.raises(InputError) as caught:
        VideoReader(path)
    assert caught.value.code == "no_video"


def test_the_clock_survives_damage(clips, tmp_path):
    """A leap of hours, back or forth, is closed; a pause of seconds stays."""
    ticks = [*range(0, 400, 40), *range(10**8, 10**8 + 400, 40), *range(2 * 10**8, 2 * 10**8 + 400, 40)]
    path = clips.write(
        tmp_path / "leap.mkv", clips.numbered(30), codec="ffv1", pix_fmt="yuv444p", ticks=ticks, tick=Fraction(1, 1000)
    )
    reader = VideoReader(path, fps=25)
    assert clips.numbers(reader) == list(range(30))
    assert "2 leaps" in " ".join(reader.warnings)


@pytest.mark.parametrize(
    "wrong",
    [{"chunk": 0}, {"fps": 0}, {"fps": -25}, {"fps": math.nan}, {"start": -1}, {"seconds": 0}, {"start": math.inf}],
)
def test_arguments_out_of_range(numbered, wrong):
    with pytest.raises(UsageError):
        VideoReader(numbered, **wrong)


def test_a_chunk_belongs_to_the_caller(clips, numbered):
    kept = []
    for chunk in VideoReader(numbered, chunk=8, fps=50, seconds=2):
        kept.append(chunk.copy())
        chunk[:] = 0
    assert clips.numbers(kept) == [k // 2 for k in range(100)]


# VmHWM, for ru_maxrss of a child begins with what its parent held.
PEAK = """
import re, sys
from facewright.core.media import AudioReader, VideoReader
frames = sum(len(chunk) for chunk in VideoReader(sys.argv[1], chunk=16))
samples = sum(len(chunk) for chunk in AudioReader(sys.argv[1]))
print(frames, samples, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def test_memory_does_not_grow_with_length(clips, tmp_path):
    peaks = []
    for seconds in (6, 60):
        frames = np.broadcast_to(clips.numbered(1, width=256, height=256), (25 * seconds, 256, 256, 3))
        sound = np.random.default_rng(0).normal(0, 0.1, (1, 48000 * seconds)).astype(np.float32)
        path = clips.write(tmp_path / f"{seconds}.mp4", frames, options={"preset": "ultrafast"}, sound=sound)
        run = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        count, samples, peak = map(int, run.stdout.split())
        assert count == 25 * seconds
        assert samples >= 16000 * seconds
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.05


def test_the_package_is_light():
    """`import facewright` and every `--help` pass through here."""
    code = "import sys, facewright.core.media; print(*{'av', 'numpy', 'cv2', 'PIL'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
