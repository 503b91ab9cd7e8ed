"""The seal: a whole file or none at all, whichever step fails."""

from __future__ import annotations

import importlib
import itertools
import os
import weakref
from pathlib import Path

import numpy as np
import pytest
from facewright.core.errors import InputError, MachineError, RefusedError, UsageError
from facewright.core.media import VideoReader, probe, read_audio
from facewright.provenance import Record, Signer, Store, default_signer, new_record_id, read_mark, seal
from facewright.provenance.encoding import Sound
from facewright.provenance.reading import read_manifest
from facewright.provenance.watermark import MarkReading, VideoMarker

sealing, encoding, target = (
    importlib.import_module(f"facewright.provenance.{name}") for name in ("sealing", "encoding", "target")
)


@pytest.fixture
def run(frames, draft, tmp_path):
    """Seals the moving picture in `tmp_path`; options go to `seal`."""
    (tmp_path / "out").mkdir()

    def run(chunks=None, name="clip.mp4", **options):
        video = {"fps": 25, "width": 256, "height": 256, "draft": draft}
        return seal(frames() if chunks is None else chunks, tmp_path / "out" / name, **{**video, **options})

    return run


def left(tmp_path: Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "out"))


def test_a_sealed_file(sealed):
    info = probe(sealed.path)
    assert (info.video.width, info.video.height, info.video.fps, info.video.frames) == (256, 256, 25, 75)
    assert info.audio.seconds == pytest.approx(3, abs=0.1)
    assert (sealed.frames, sealed.seconds) == (75, 3.0)
    assert read_mark(sealed.path).record_id == sealed.record_id
    manifest = read_manifest(sealed.path)
    assert manifest.valid
    assert manifest.record_ids == {sealed.record_id}
    entry = Store().get(sealed.record_id)
    assert entry
    assert (entry.record.frames, entry.record.width, entry.record.fps, entry.record.seed) == (75, 256, "25", 7)
    assert entry.record.command == ("facewright", "generate", "secret-folder/portrait.png")
    assert entry.record.versions.keys() >= {"facewright", "numpy", "python"}
    assert set(sealed.compute) == {"mark", "encode", "sign", "check"}
    assert all(seconds > 0 for seconds in sealed.compute.values())
    assert sorted(os.listdir(sealed.path.parent)) == ["clip.mp4", "home"]


def test_sound_keeps_its_place(sealed):
    sound = read_audio(sealed.path, rate=16_000)
    loud = np.abs(sound[1600:41_600]).reshape(-1, 100).max(1)
    assert loud.max() == pytest.approx(0.3, abs=0.05)
    assert loud.min() > 0.2  # a tone without a gap


@pytest.mark.parametrize("block", [1, 7, 1000, 100_000])
def test_sound_is_pulled_with_the_frames(block):
    pulled = itertools.count()
    blocks = (np.full(block, next(pulled), np.float32) for _ in itertools.count())  # endless
    sound = Sound(blocks, 16_000)
    total = 0
    for seconds in (0.04, 0.08, 0.5, 0.5, 1.0):
        total += sum(map(len, sound.until(seconds)))
        assert total == round(seconds * 16_000)
    assert next(pulled) <= 16_000 // block + 2
    assert sum(map(len, Sound(iter([np.zeros(10, np.float32)]), 16_000).until(1))) == 10


def test_sound_longer_than_the_picture_is_cut(run):
    endless = (np.zeros(16_000, np.float32) for _ in itertools.count())
    sealed = run(audio=endless, audio_rate=16_000)
    assert probe(sealed.path).audio.seconds == pytest.approx(3, abs=0.1)


def test_frames_marked_before(run, frames):
    record_id = new_record_id()
    marker = VideoMarker(record_id, width=256, height=256, fps=25.0)

    def marked():
        start = 0
        for chunk in frames():
            yield marker.mark(chunk, start)
            start += len(chunk)

    sealed = run(marked(), marked=True, record_id=record_id)
    assert read_mark(sealed.path).record_id == record_id


def test_frames_that_carry_another_mark(run, frames):
    """As a talking head made of a frame of an earlier one: both marks lie in the same place, the first the louder."""
    earlier, record_id = new_record_id(), new_record_id()
    marker = VideoMarker(earlier, width=256, height=256, fps=25.0)
    sealed = run((marker.mark(marker.mark(chunk, 0), 0) for chunk in frames()), record_id=record_id)
    reading = read_mark(sealed.path)
    assert reading.record_id == record_id
    assert reading.details["bits_corrected"] < 0.18 * reading.details["coded_bits"]


def test_an_earlier_mark_under_another_key_is_left(run, frames, tmp_path, monkeypatch):
    """Its pattern is not that of the present key, so taking it back would only add to the noise."""
    coating = importlib.import_module("facewright.provenance.coating")
    earlier, record_id = new_record_id(), new_record_id()
    marker = VideoMarker(earlier, width=256, height=256, fps=25.0)
    sealed = run((marker.mark(chunk, 0) for chunk in frames()), record_id=earlier, marked=True)
    reading = read_mark(sealed.path)
    assert coating._replaced(sealed.path, record_id, reading) == earlier
    assert coating._replaced(sealed.path, earlier, reading) is None
    (tmp_path / "mark.key").write_bytes(b"another key of sufficient length")
    monkeypatch.setenv("FACEWRIGHT_MARK_KEY", str(tmp_path / "mark.key"))
    assert read_mark(sealed.path).record_id == earlier
    assert coating._replaced(sealed.path, record_id, reading) is None


def test_a_mark_that_is_thin_is_written_once_more(run, frames, monkeypatch):
    coats = []
    monkeypatch.setattr(sealing, "coat", lambda *said, **more: (coats.append(said[3]), coat(*said, **more)))
    coat = importlib.import_module("facewright.provenance.coating").coat
    noise = np.random.default_rng(0).integers(0, 256, (75, 256, 256, 1), np.uint8)  # drowns it

    def noisy():
        start = 0
        for chunk in frames():
            rough = noise[start : start + len(chunk)]
            yield np.where(np.arange(256)[:, None, None] < 210, rough, chunk)
            start += len(chunk)

    sound = (np.sin(np.arange(16_000) / 20).astype(np.float32) / 4 for _ in range(3))
    sealed = run(noisy(), audio=sound, audio_rate=16_000)
    assert coats
    assert probe(sealed.path).video.frames == 75
    assert probe(sealed.path).audio.seconds == pytest.approx(3, abs=0.1)
    first, last = coats[0], read_mark(sealed.path)
    assert last.record_id == sealed.record_id
    assert not first.found or last.p_value < first.p_value


def test_the_pixels_do_not_depend_on_the_chunks(run, frames):
    def decoded(chunk: int) -> np.ndarray:
        sealed = run(frames(chunk=chunk), f"{chunk}.mp4", record_id="00112233445566ff")
        return np.concatenate(list(VideoReader(sealed.path)))

    first = decoded(1)
    assert len(first) == 75
    for chunk in (8, 64):
        assert np.array_equal(decoded(chunk), first)


def test_frames_that_claim_a_mark_they_have_not(run, tmp_path):
    """The way an unmarked video would leave: refused, because the mark is read from the encoded file."""
    with pytest.raises(RefusedError) as caught:
        run(marked=True, record_id=new_record_id())
    assert caught.value.code == "mark_failed"
    assert left(tmp_path) == []


def test_an_empty_store_that_is_given_is_used(run, tmp_path):
    own = Store(f"sqlite:///{tmp_path / 'own.db'}")
    sealed = run(store=own)
    assert own.get(sealed.record_id)
    assert Store().get(sealed.record_id) is None


def test_two_files_of_one_clip(run):
    record_id = new_record_id()
    first, second = run(record_id=record_id), run(name="again.mov", record_id=record_id)
    assert read_manifest(first.path).valid
    assert read_manifest(second.path).valid
    assert len(Store()) == 2


def boom(*_, **__):
    raise RuntimeError("boom")


def no_space(*_, **__):
    raise OSError(28, "No space left on device")


def unmarked(self, frames, start):
    return frames


def not_found(*_, **__):
    return MarkReading(found=False, record_id=None, p_value=0.5, details={})


def another(*_, **__):
    place = {"flipped": False, "turned": 0, "rotation": 0.0, "scale": 1.0, "shift": [0.0, 0.0]}
    return MarkReading(found=True, record_id="0" * 16, p_value=1e-9, details=place)


def interrupt(*_, **__):
    raise KeyboardInterrupt


FAULTS = {
    "marker cannot be made": (encoding, "VideoMarker", boom, RefusedError, "mark_failed"),
    "marking fails": (VideoMarker, "mark", boom, RefusedError, "mark_failed"),
    "marking does nothing": (VideoMarker, "mark", unmarked, RefusedError, "mark_failed"),
    "encoder fails": (encoding.VideoWriter, "write", boom, RuntimeError, None),
    "closing fails": (encoding.VideoWriter, "close", boom, RuntimeError, None),
    "fingerprint fails": (sealing.fingerprint, "measure", boom, RuntimeError, None),
    "signer fails": (sealing, "sign", boom, RuntimeError, None),
    "disk full while signing": (importlib.import_module("c2pa").Builder, "sign", no_space, MachineError, "disk_full"),
    "mark is not found": (sealing, "read_mark", not_found, RefusedError, "mark_failed"),
    "mark is another": (sealing, "read_mark", another, RefusedError, "mark_failed"),
    "mark cannot be read": (sealing, "read_mark", boom, RuntimeError, None),
    "manifest cannot be read": (sealing, "read_manifest", boom, RuntimeError, None),
    "store fails": (Store, "add", boom, RuntimeError, None),
    "flush fails": (os, "fsync", no_space, MachineError, "disk_full"),
    "rename fails": (os, "link", no_space, MachineError, "disk_full"),
    "interrupted while encoding": (encoding.VideoWriter, "write", interrupt, KeyboardInterrupt, None),
    "interrupted while signing": (sealing, "sign", interrupt, KeyboardInterrupt, None),
    "interrupted while checking": (sealing, "read_mark", interrupt, KeyboardInterrupt, None),
    "interrupted at the last step": (target.Claim, "publish", interrupt, KeyboardInterrupt, None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_step_leaves_nothing(fault, run, tmp_path, monkeypatch):
    owner, name, broken, error, code = FAULTS[fault]
    (tmp_path / "out" / "neighbour.mp4").write_bytes(b"innocent")
    default_signer()  # keys and a store are there from earlier runs
    Store().add(Record("m", "1", {}, 0, {}, record_id=new_record_id(), created="2026"), b"earlier", b"")
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(error) as caught:
        run()
    if code:
        assert caught.value.code == code
        assert ".tmp." not in str(caught.value)
    assert left(tmp_path) == ["neighbour.mp4"]
    assert [entry.manifest for entry in Store()] == [b"earlier"]


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("error", [InputError("unreadable", "gone"), KeyboardInterrupt(), GeneratorExit()])
def test_a_generator_that_fails(run, frames, tmp_path, after, error):
    def failing():
        yield from itertools.islice(frames(), after)
        raise error

    with pytest.raises(type(error)):
        run(failing())
    assert left(tmp_path) == []
    assert len(Store()) == 0
    if after == 3:
        assert run().path.exists()  # nothing stands in the way of the next run


def test_sound_that_fails(run, tmp_path):
    def failing():
        yield np.zeros(1600, np.float32)
        raise InputError("unreadable", "gone")

    with pytest.raises(InputError, match="gone"):
        run(audio=failing(), audio_rate=16_000)
    assert left(tmp_path) == []


def test_a_failing_writer_stops_the_rendering(run, frames, monkeypatch):
    asked = []

    def counted():
        for chunk in frames(frames=10_000, chunk=4):
            asked.append(len(chunk))
            yield chunk

    monkeypatch.setattr(encoding.VideoWriter, "write", no_space)
    with pytest.raises(OSError, match="No space"):
        run(counted())
    assert len(asked) <= 3


def test_no_more_than_a_few_chunks_are_alive(run, frames):
    alive: list[weakref.ref] = []
    most = 0

    def counted():
        nonlocal most
        for chunk in frames(chunk=5):
            alive.append(weakref.ref(chunk))
            most = max(most, sum(ref() is not None for ref in alive))
            yield chunk
            del chunk

    run(counted())
    assert len(alive) == 15
    assert most <= 3


@pytest.mark.parametrize("chunks", [[], [np.zeros((0, 256, 256, 3), np.uint8)]])
def test_no_frames(run, tmp_path, chunks):
    with pytest.raises(InputError) as caught:
        run(iter(chunks))
    assert caught.value.code == "empty"
    assert left(tmp_path) == []


def test_arguments_that_cannot_be(run, tmp_path):
    for options in ({"marked": True}, {"audio": []}, {"audio_rate": 16_000}, {"record_id": "x"}, {"name": "clip.avi"}):
        with pytest.raises(UsageError):
            run(**options)
    assert left(tmp_path) == []


def test_a_target_that_exists(run, tmp_path):
    (tmp_path / "out" / "clip.mp4").write_bytes(b"precious")
    with pytest.raises(UsageError):
        run()
    with pytest.raises(RefusedError):  # nor does a failure under force destroy what was there
        run(force=True, signer=Signer("no certificate", "ES256", boom))
    assert (tmp_path / "out" / "clip.mp4").read_bytes() == b"precious"
    assert read_manifest(run(force=True).path).valid


def test_never_onto_an_input(run, draft, portrait_path, tmp_path):
    os.link(portrait_path, tmp_path / "out" / "clip.mp4")
    with pytest.raises(UsageError) as caught:
        run(force=True)
    assert caught.value.code == "output_is_input"


def test_two_runs_onto_one_target(run, frames, tmp_path):
    refused = []

    def first():
        for chunk in frames():
            try:
                run()
            except MachineError as error:
                refused.append(error.code)
            yield chunk

    assert read_manifest(run(first()).path).valid
    assert set(refused) == {"busy"}
    assert left(tmp_path) == ["clip.mp4"]
    assert len(Store()) == 1


def test_progress_is_told(run):
    events = []
    run(total=75, progress=events.append)
    assert [event.stage for event in events if event.done == event.total][-1] == "check"
    rendered = [event.done for event in events if event.stage == "seal"]
    assert rendered == sorted(rendered)
    assert rendered[-1] == 75
