"""The one encoder: what goes in comes out, the same bytes each time, and no file where it failed."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from facewright.core.errors import InputError, MachineError, UsageError
from facewright.core.media import VideoReader, VideoWriter, probe, read_audio


@pytest.fixture
def path(tmp_path):
    return tmp_path / "it's ünïcode, 100%d: http:.mp4"


def write(path, frames, *, sound=None, rate=16000, chunk=32, fps=25, **options):
    with VideoWriter(
        path,
        width=frames.shape[2],
        height=frames.shape[1],
        fps=fps,
        audio_rate=rate if sound is not None else None,
        **options,
    ) as writer:
        for first in range(0, len(frames), chunk):
            writer.write(frames[first : first + chunk])
            if sound is not None:
                span = slice(round(first / fps * rate), round((first + chunk) / fps * rate))
                writer.write_audio(sound[span])
    return path


def noise(seconds: float, rate: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize("fps", [25, Fraction(30000, 1001), 24, 60, 12.5])
def test_frames_come_back_in_order(clips, path, fps):
    write(path, clips.numbered(50), fps=fps)
    info = probe(path)
    assert (info.video.codec, info.video.frames, info.video.fps) == ("h264", 50, Fraction(fps))
    assert (info.video.width, info.video.height, info.video.pixel_format) == (128, 96, "yuv420p")
    assert info.seconds == pytest.approx(50 / fps, abs=1e-3)
    assert clips.numbers(VideoReader(path)) == list(range(50))


def test_colors_come_back(path):
    """Flat patches of every hue: only the rounding of 4:2:0 BT.709 may show."""
    rng = np.random.default_rng(2)
    patches = np.concatenate([np.eye(3) * 255, np.ones((1, 3)) * 255, np.zeros((1, 3)), rng.integers(0, 256, (59, 3))])
    frame = np.kron(patches.reshape(8, 8, 3), np.ones((32, 32, 1))).astype(np.uint8)
    write(path, np.stack([frame] * 5), crf=1)
    got = next(iter(VideoReader(path)))[:, 16::32, 16::32].astype(int)
    assert np.abs(got - patches.reshape(8, 8, 3)).max() <= 2
    assert abs((got - patches.reshape(8, 8, 3)).mean()) < 0.3, "no drift to dark or light"


def test_the_file_says_bt709(path, clips):
    write(path, clips.numbered(3), metadata={"comment": "made by a machine", "title": "naïve"})
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.colorspace, codec.color_range, codec.color_primaries, codec.color_trc) == (1, 1, 1, 1)
        assert container.metadata["comment"] == "made by a machine"
        assert container.metadata["title"] == "naïve"


def test_the_index_stands_in_front(path, clips):
    data = write(path, clips.numbered(30), sound=noise(1.2, 16000)).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 18000])  # AAC knows no 18000: it is converted
def test_sound_comes_back_in_place(path, clips, rate):
    seconds = 2
    tone = (0.3 * np.sin(2 * np.pi * 300 * np.arange(seconds * rate) / rate)).astype(np.float32)
    write(path, clips.numbered(50), sound=tone, rate=rate)
    got = read_audio(path, rate=rate)
    assert 0 <= len(got) - len(tone) <= 1024 * rate / 7350
    assert np.abs(got[rate // 10 : len(tone) - rate // 10] - tone[rate // 10 : -rate // 10]).max() < 0.01
    assert probe(path).audio.codec == "aac"


def test_the_same_input_gives_the_same_bytes(tmp_path, clips):
    frames, sound = np.random.default_rng(4).integers(0, 256, (60, 64, 64, 3)).astype(np.uint8), noise(2.4, 16000)
    digests = {
        hashlib.sha256(write(tmp_path / f"{chunk}.mp4", frames, sound=sound, chunk=chunk).read_bytes()).hexdigest()
        for chunk in (1, 7, 60)
    }
    assert len(digests) == 1


def test_views_and_read_only_arrays_are_written_as_they_look(path, clips):
    frames = clips.numbered(20)
    write(path, np.asfortranarray(frames)[:, ::-1][:, ::-1], crf=10)
    assert clips.numbers(VideoReader(path)) == list(range(20))
    frames.flags.writeable = False
    write(path, frames)
    assert clips.numbers(VideoReader(path)) == list(range(20))


def test_frames_given_may_be_changed_afterwards(path, clips):
    with VideoWriter(path, width=128, height=96, fps=25) as writer:
        for frames in clips.numbered(60).reshape(12, 5, 96, 128, 3):
            writer.write(frames)
            frames[:] = 0
    assert clips.numbers(VideoReader(path)) == list(range(60))


def test_writing_after_the_end_is_said(path, clips):
    with VideoWriter(path, width=128, height=96, fps=25) as writer:
        writer.write(clips.numbered(3))
    with pytest.raises(UsageError, match="closed"):
        writer.write(clips.numbered(3))
    writer.close()
    assert clips.numbers(VideoReader(path)) == [0, 1, 2]


def test_an_interrupt_while_it_finishes_leaves_no_file(path, clips, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(path, clips.numbered(3))
    assert not path.exists()


def test_sound_from_another_thread(path, clips):
    sound = noise(4, 16000)
    with VideoWriter(path, width=128, height=96, fps=25, audio_rate=16000) as writer:

        def speak():
            for first in range(0, len(sound), 1000):
                writer.write_audio(sound[first : first + 1000])

        thread = threading.Thread(target=speak)
        thread.start()
        for frame in clips.numbered(100):
            writer.write(frame[None])
        thread.join()
    assert clips.numbers(VideoReader(path)) == list(range(100))
    assert len(read_audio(path)) >= len(sound)


def test_an_exception_leaves_no_file(path, clips):
    def interrupted():
        yield clips.numbered(40)
        assert path.exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), VideoWriter(path, width=128, height=96, fps=25) as writer:  # noqa: PT012
        for frames in interrupted():
            writer.write(frames)
    assert not path.exists()


def test_nothing_written_leaves_no_file(path):
    with pytest.raises(InputError) as caught, VideoWriter(path, width=128, height=96, fps=25):
        pass
    assert caught.value.code == "empty"
    assert not path.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 127},
        {"height": 95},
        {"width": 0},
        {"fps": 0},
        {"crf": 70},
        {"preset": "no such preset"},
        {"audio_rate": -1},
        {"options": {"tune": "no such tune"}},
        {"options": {"no-such-option": "1"}},
    ],
)
def test_arguments_out_of_range(path, wrong):
    with pytest.raises(UsageError):
        VideoWriter(path, **{"width": 128, "height": 96, "fps": 25, **wrong})
    assert not path.exists()


@pytest.mark.parametrize(
    ("frames", "samples"),
    [
        (np.zeros((2, 96, 128, 3), np.float32), None),
        (np.zeros((2, 96, 126, 3), np.uint8), None),
        (np.zeros((96, 128, 3), np.uint8), None),
        (None, np.zeros(100)),
        (None, np.zeros((100, 2), np.float32)),
    ],
)
def test_wrong_shapes_and_types(path, frames, samples):
    with pytest.raises(UsageError), VideoWriter(path, width=128, height=96, fps=25, audio_rate=16000) as writer:
        writer.write(frames) if frames is not None else writer.write_audio(samples)
    assert not path.exists()


def test_a_full_disk_is_said(tmp_path, clips):
    target = tmp_path / "full.mp4"
    target.symlink_to("/dev/full")
    frames = np.random.default_rng(0).integers(0, 256, (100, 128, 128, 3)).astype(np.uint8)
    with pytest.raises(MachineError) as caught:
        write(target, frames, crf=1)
    assert caught.value.code == "disk_full"
    assert not target.is_symlink()


@pytest.mark.parametrize("limit", [20_000, 300_000])
def test_no_room_for_the_rest_is_said(path, limit):
    frames = np.random.default_rng(0).integers(0, 256, (100, 128, 128, 3)).astype(np.uint8)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))  # Python ignores the signal; writing fails with EFBIG
    try:
        with pytest.raises(MachineError) as caught:
            write(path, frames, crf=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "disk_full"
    assert not path.exists()


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EROFS, "read_only"), (errno.EIO, "write_failed")]
)
def test_what_the_disk_says_at_the_end(path, clips, monkeypatch, number, code):
    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(MachineError) as caught:
        write(path, clips.numbered(3))
    assert caught.value.code == code
    assert not path.exists()


def test_a_folder_without_permission(tmp_path, clips):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    user = os.geteuid()
    os.seteuid(user or 65534)  # root may write everywhere
    try:
        with pytest.raises(MachineError) as caught:
            write(folder / "a.mp4", clips.numbered(3))
    finally:
        os.seteuid(user)
    assert caught.value.code == "read_only"


@pytest.mark.parametrize("name", ["missing/folder/a.mp4", ".", "null\0byte.mp4"])
def test_targets_that_cannot_be(tmp_path, clips, name):
    with pytest.raises(UsageError):
        write(tmp_path / name, clips.numbered(3))


def test_what_stood_there_survives_a_refusal(tmp_path):
    target = tmp_path / "mine.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(UsageError):
        VideoWriter(target, width=128, height=96, fps=25, preset="no such preset")
    assert target.read_bytes() == b"mine"
