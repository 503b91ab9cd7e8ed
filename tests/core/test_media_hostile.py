"""Files made to break the reader: it answers with frames or an `InputError`, soon, and opens nothing else."""

from __future__ import annotations

import http.server
import json
import os
import socket
import struct
import subprocess
import sys
import threading

import av
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import AudioReader, VideoReader, probe, read_audio


def code_of(path, read=probe) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.hint
    return caught.value.code


@pytest.fixture(scope="module")
def clip(clips, tmp_path_factory):
    """A 4 s MP4 with sound, its index in front."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    sound = np.random.default_rng(0).normal(0, 0.1, (1, 48000 * 4)).astype(np.float32)

    def index_in_front(video):
        video.container.container_options["movflags"] = "+faststart"

    options = {"g": "25", "preset": "ultrafast"}
    return clips.write(path, clips.numbered(100), options=options, prepare=index_in_front, sound=sound)


@pytest.mark.parametrize("read", [probe, VideoReader, AudioReader])
def test_what_is_no_media_file(tmp_path, read):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "empty.mp4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket.mp4"))
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "nowhere")
    texts = {
        "text.mp4": b"To whom it may concern:\n" * 100,
        "page.html": b"<!DOCTYPE html><html><body>hello</body></html>",
        "data.json": b'{"a": [1, 2, 3]}',
        "zeros.mp4": bytes(100_000),
        "noise.mp4": np.random.default_rng(0).bytes(100_000),
        "ansi.ans": b"\x1b[0;31mred\x1b[0m text\r\n" * 50,
        "lyrics.srt": b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n",
        "program": b"\x7fELF" + bytes(1000),
    }
    for name, data in texts.items():
        (tmp_path / name).write_bytes(data)
    for path in sorted(tmp_path.iterdir()):
        if path.name != "lyrics.srt":
            assert code_of(path, read) == ("empty" if path.name == "empty.mp4" else "unreadable"), path
    assert code_of(tmp_path / "lyrics.srt", read) == "unreadable"
    for name in ("missing.mp4", "null\0byte.mp4", "x" * 5000):
        assert code_of(tmp_path / name, read) == "unreadable"
    assert code_of("/dev/zero", read) == "unreadable"
    listener.close()


def test_playlists_open_no_other_file(clips, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips.write(tmp_path / "other.ts", clips.numbered(25), codec="mpeg2video")
    lists = {
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n",
        "list.ffconcat": "ffconcat version 1.0\nfile other.ts\n",
        "list.mp4": "ffconcat version 1.0\nfile other.ts\n",
        "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp2t"><Representation id="0" '
        'bandwidth="1"><BaseURL>other.ts</BaseURL></Representation></AdaptationSet></Period></MPD>',
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    for name in ("list.m3u8", "list.ffconcat"):  # FFmpeg left to itself does open the other file
        with av.open(name) as container:
            assert container.streams.video
    for name in lists:
        assert code_of(tmp_path / name) == "unreadable"


def test_playlists_reach_no_network(tmp_path):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / "net.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\n{url}/a.ts\n#EXT-X-ENDLIST\n")
        (tmp_path / "net.ffconcat").write_text(f"ffconcat version 1.0\nfile {url}/a.ts\n")
        (tmp_path / "net.sdp").write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n")
        for path in tmp_path.iterdir():
            assert code_of(path) == "unreadable"
        for name in (
            f"{url}/a.mp4",
            f"concat:{url}/a.ts|b.ts",
            f"hls+{url}/x.m3u8",
            "rtmp://127.0.0.1/x",
            "lavfi:testsrc",
        ):
            assert code_of(name) == "unreadable"
        server.shutdown()
    assert asked == []


def test_a_file_cut_anywhere_gives_what_it_holds(clips, clip, tmp_path):
    data, path = clip.read_bytes(), tmp_path / "cut.mp4"
    lengths = []
    for share in (0.2, 0.4, 0.6, 0.8, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        reader = VideoReader(path)
        got = clips.numbers(reader)
        assert got == list(range(len(got)))
        assert any("early" in warning for warning in reader.warnings), reader.warnings
        assert len(read_audio(path)) > 0
        lengths.append(len(got))
    assert lengths == sorted(lengths)
    assert lengths[-1] > 80
    path.write_bytes(data[: data.index(b"mdat")])
    assert code_of(path) == "unreadable"


def test_a_file_without_its_index_is_unreadable(clips, tmp_path):
    whole = clips.write(tmp_path / "whole.mp4", clips.numbered(50)).read_bytes()  # its index stands at the end
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    assert code_of(path) == "unreadable"


def test_garbage_instead_of_pictures(clips, clip, tmp_path):
    data, path = bytearray(clip.read_bytes()), tmp_path / "garbage.mp4"
    media = data.index(b"mdat") + 4
    rng = np.random.default_rng(7)
    half = media + (len(data) - media) // 2
    data[half:] = rng.bytes(len(data) - half)
    path.write_bytes(data)
    reader = VideoReader(path)
    got = clips.numbers(reader)
    assert got[:20] == list(range(20))
    assert reader.warnings
    data[media:] = rng.bytes(len(data) - media)
    path.write_bytes(data)
    assert code_of(path) == "unreadable"
    assert code_of(path, VideoReader) == "unreadable"


@pytest.mark.parametrize("name", ["header.mp4", "header.mkv", "header.avi"])
def test_streams_without_a_frame(clips, tmp_path, name):
    path = clips.write(tmp_path / name, clips.numbered(1)[:0], codec="mpeg4")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        container.start_encoding()
    assert code_of(path) in {"unreadable", "empty"}
    assert code_of(path, VideoReader) in {"unreadable", "empty"}


@pytest.mark.parametrize(("width", "height"), [(12000, 12000), (16000, 16000), (30000, 30000), (2**31 - 1, 2)])
def test_huge_pictures_are_refused(clips, tmp_path, width, height):
    path = clips.write(tmp_path / "raw.avi", clips.numbered(2), codec="rawvideo", pix_fmt="bgr24")
    data = bytearray(path.read_bytes())
    at = data.index(b"strf") + 12
    assert struct.unpack_from("<ii", data, at) in {(128, 96), (128, -96)}
    struct.pack_into("<ii", data, at, width, height)
    path.write_bytes(data)
    assert code_of(path) == "too_large" if width * height < 2**28 else "unreadable"  # FFmpeg's own limit stands above
    assert code_of(path, VideoReader) == code_of(path)


def test_a_wave_file_with_an_absurd_rate(tmp_path):
    samples = np.zeros(4000, np.int16).tobytes()
    for rate in (0, 7, 2**31 - 1):
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2 & 0xFFFFFFFF, 2, 16)
        header = struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE") + form + struct.pack("<4sI", b"data", 4000)
        (tmp_path / "a.wav").write_bytes(header + samples)
        assert code_of(tmp_path / "a.wav", AudioReader) == "unreadable"


READ = """
import faulthandler, itertools, json, pathlib, resource, sys
faulthandler.dump_traceback_later(float(sys.argv[1]), exit=True)
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
from facewright.core.errors import InputError
from facewright.core.media import AudioReader, VideoReader, probe
answers = {}
for path in sorted(pathlib.Path(sys.argv[2]).iterdir()):
    print(path, file=sys.stderr, flush=True)
    for read in (VideoReader, AudioReader):
        for start in (0, 11):
            try:
                answer = sum(len(chunk) for chunk in itertools.islice(read(path, start=start), 20))
            except InputError as error:
                answer = error.code
            answers.setdefault(str(answer) if isinstance(answer, str) else "read", []).append(path)
print(json.dumps({key: len(value) for key, value in answers.items()}))
"""

SEEDS = {
    "mp4": ("libx264", "yuv420p", "aac", "fltp"),
    "mkv": ("ffv1", "yuv420p", "flac", "s16"),
    "webm": ("libvpx-vp9", "yuv420p", "libopus", "flt"),
    "avi": ("mpeg4", "yuv420p", "mp3", "fltp"),
    "ts": ("mpeg2video", "yuv420p", "aac", "fltp"),
    "mov": ("qtrle", "rgb24", "pcm_s24be", "s32"),
    "flv": ("flv", "yuv420p", "mp3", "fltp"),
    "gif": ("gif", "rgb8", None, None),
    "wav": (None, None, "pcm_s16le", "s16"),
    "ogg": (None, None, "libopus", "flt"),
    "mp3": (None, None, "mp3", "fltp"),
}


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A file damaged as files are: bits flipped, cut, zeroed, doubled, a length at its limit."""
    broken = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, len(broken)) if rng.random() < 0.5 else rng.integers(0, min(len(broken), 2000)))
        span = int(rng.integers(1, 400))
        match int(rng.integers(0, 7)):
            case 0:
                for where in rng.integers(0, len(broken), int(rng.integers(1, 60))):
                    broken[where] ^= 1 << int(rng.integers(0, 8))
            case 1:
                del broken[at + 16 :]
            case 2:
                broken[at : at + span] = bytes(len(broken[at : at + span]))
            case 3:
                del broken[at : at + span]
            case 4:
                broken[at:at] = broken[at : at + span]
            case 5:
                broken[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0"])
            case 6:
                broken[at : at + span] = rng.bytes(len(broken[at : at + span]))
        if len(broken) < 32:
            break
    return bytes(broken) or b"\0"


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("count", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_mutated_files_neither_hang_nor_crash(clips, tmp_path, kind, count):
    codec, pix_fmt, sound_codec, sample_format = SEEDS[kind]
    sound = None
    if sound_codec:
        length = 24000 if codec else 150_000  # Ogg drops a page of a second for one wrong bit
        sound = np.random.default_rng(0).normal(0, 0.1, (1, length)).astype(np.float32)
        scale = {"s16": (2**15 - 1, np.int16), "s32": (2**31 - 256, np.int32)}.get(sample_format)
        sound = (np.clip(sound, -1, 1) * scale[0]).astype(scale[1]) if scale else sound
    seed = clips.write(
        tmp_path / f"seed.{kind}",
        clips.numbered(12) if codec else None,
        codec=codec,
        pix_fmt=pix_fmt,
        sound=sound,
        sound_codec=sound_codec,
        sound_format=sample_format,
    ).read_bytes()
    rng = np.random.default_rng(sorted(SEEDS).index(kind) + 1000 * count)
    (tmp_path / "broken").mkdir()
    for index in range(count):
        (tmp_path / "broken" / f"{index}.{kind}").write_bytes(mutate(seed, rng))
    run = subprocess.run(
        [sys.executable, "-c", READ, str(120 + count), str(tmp_path / "broken")],
        capture_output=True,
        text=True,
        timeout=180 + count,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    answers = json.loads(run.stdout)
    assert set(answers) <= {"read", "unreadable", "empty", "too_short", "too_large", "no_video", "no_audio"}
    assert answers.get("read"), "some of the damaged files must still be read, or this test tests nothing"
