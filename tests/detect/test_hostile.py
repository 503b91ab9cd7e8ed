"""Media made to break a scan: a clear error or an abstention, soon, and never a frame more in memory than needed."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import VideoWriter
from facewright.detect.scan import scan
from PIL import Image


def code_of(path, told) -> str:
    with pytest.raises(InputError) as caught:
        scan(path, detector=told(0.9, 5.0))
    assert caught.value.hint
    return caught.value.code


@pytest.fixture(scope="module")
def matroska(clip_path, tmp_path_factory) -> bytes:
    """The clip in a container that can be read from wherever it was cut off."""
    path = tmp_path_factory.mktemp("matroska") / "clip.mkv"
    with av.open(clip_path) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path.read_bytes()


def test_a_video_cut_off_is_looked_at_as_far_as_it_goes(matroska, told, tmp_path, no_facts):
    path = tmp_path / "cut.mkv"
    path.write_bytes(matroska[: len(matroska) // 2])
    report = scan(path, detector=told(0.9, 5.0))
    assert 5 <= report.frames < 25
    assert report.looked_at == pytest.approx(report.frames / 10)
    path.write_bytes(matroska[:500])
    assert code_of(path, told) == "unreadable"


def test_a_video_that_claims_days(matroska, told, tmp_path, no_facts):
    """Its header says three weeks, its pictures end after three seconds."""
    place = matroska.index(b"\x44\x89\x88") + 3  # Duration, a float of 8 bytes, milliseconds
    assert struct.unpack(">d", matroska[place : place + 8])[0] == pytest.approx(3000, abs=100)
    path = tmp_path / "days.mkv"
    path.write_bytes(matroska[:place] + struct.pack(">d", 21 * 86400e3) + matroska[place + 8 :])
    report = scan(path, detector=told(0.9, 5.0))
    assert report.info.seconds > 86400
    assert report.frames == 30
    assert report.looked_at == pytest.approx(3.0)
    assert any("no picture" in said for said in report.warnings)
    assert "warning" in report.to_text()


def test_no_frame_rate(told, tmp_path, no_facts):
    """An AVI whose header says 0 frames in a second, and one that says nothing of use."""
    path = tmp_path / "zero.avi"
    with av.open(path, "w") as target:
        stream = target.add_stream("mpeg4", 10)
        stream.width = stream.height = 64
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * number, np.uint8))
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    place = data.index(b"strh") + 8
    data[place + 20 : place + 28] = bytes(8)  # dwScale, dwRate
    place = data.index(b"avih") + 8
    data[place : place + 4] = bytes(4)  # microseconds a frame
    path.write_bytes(data)
    report = scan(path, detector=told(0.9, 5.0))
    assert report.reason == "no_face"
    assert 1 <= report.frames <= 60


def test_a_giant_picture_is_refused_by_its_header(told, tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(9), bytes(1 + 3 * 16384)
    pixels = b"".join(packer.compress(row) for _ in range(64)) + packer.flush()
    header = struct.pack(">IIBBBBB", 16384, 16384, 8, 2, 0, 0, 0)
    path = tmp_path / "giant.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    assert code_of(path, told) == "too_large"


def test_giant_frames_are_refused(told, tmp_path):
    """All of one colour: a few kilobytes that unfold to 150 MB a frame."""
    path = tmp_path / "giant.mkv"
    with av.open(path, "w") as target:
        stream = target.add_stream("ffv1", Fraction(10), options={"slices": "4"})
        stream.width, stream.height, stream.pix_fmt = 8192, 6144, "gray"
        target.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((6144, 8192), np.uint8), "gray")))
        target.mux(stream.encode(None))
    assert path.stat().st_size < 2_000_000
    assert code_of(path, told) == "too_large"


def test_streams_without_end_are_not_begun(told, tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert code_of(tmp_path / "pipe.mp4", told) == "unreadable"
    assert code_of(Path("/dev/zero"), told) == "unreadable"


@pytest.mark.slow
def test_thousands_of_tiny_faces(portrait, face, told, tmp_path, no_facts):
    x0, y0, x1, y1 = (int(value) for value in face.box)
    near = portrait[y0 - 50 : y1 + 50, x0 - 50 : x1 + 50]
    crowd = np.tile(cv2.resize(near, (100, 100), interpolation=cv2.INTER_AREA), (40, 50, 1))
    Image.fromarray(crowd).save(tmp_path / "crowd.png")
    report = scan(tmp_path / "crowd.png", detector=told(0.9, 5.0))
    assert 1 <= len(report.faces) <= 12
    with VideoWriter(tmp_path / "crowd.mp4", width=1280, height=720, fps=10) as writer:
        writer.write(np.stack([np.roll(crowd[:720, :1280], (7 * n, 11 * n), (0, 1)) for n in range(8)]))
    report = scan(tmp_path / "crowd.mp4", detector=told(0.9, 5.0))
    assert len(report.faces) <= 100
    assert report.reason in ("too_short", "no_face")


@pytest.mark.slow
def test_memory_does_not_grow_with_frames_that_unfold(tmp_path):
    """An 8K video of one colour: a file of kilobytes, 800 MB of frames."""
    path = tmp_path / "bomb.mp4"
    with VideoWriter(path, width=7680, height=4320, fps=10, preset="ultrafast") as writer:
        for _ in range(8):
            writer.write(np.full((1, 4320, 7680, 3), 128, np.uint8))
    assert path.stat().st_size < 1_000_000
    code = "import resource, sys; from facewright.detect.scan import scan; report = scan(sys.argv[1])\n"
    code += "print(report.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=300)
    reason, peak = done.stdout.split()
    assert reason == "no_face"
    assert int(peak) < 2500
