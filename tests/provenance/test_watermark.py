"""The mark in frames: what it does to a picture, and what it survives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import VideoWriter
from facewright.provenance.watermark import VideoMarker, geometry, read, read_mark
from facewright.provenance.watermark.carriers import carriers
from facewright.provenance.watermark.frames import BURST

ID = "fedcba9876543210"
FPS = 25


def swaying(picture: np.ndarray, count: int, width: int, height: int) -> np.ndarray:
    """Frames (T, height, width, 3) of a picture that slides and tilts a little."""
    clip = np.empty((count, height, width, 3), np.uint8)
    scale = 1.04 * max(width / picture.shape[1], height / picture.shape[0])
    for index, out in enumerate(clip):
        matrix = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), np.sin(index / 9), scale)
        matrix[:, 2] += (width - picture.shape[1]) / 2, (height - picture.shape[0]) / 2
        matrix[:, 2] += 3 * np.sin(index / 7), 2 * np.cos(index / 5)
        cv2.warpAffine(picture, matrix, (width, height), dst=out, borderMode=cv2.BORDER_REFLECT)
    return clip


def marker(width: int, height: int, **options) -> VideoMarker:
    return VideoMarker(ID, width=width, height=height, fps=FPS, **options)


def luma(frames: np.ndarray) -> np.ndarray:
    return frames @ np.float32([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="session")
def clip(portrait_path: Path) -> np.ndarray:
    return swaying(cv2.cvtColor(cv2.imread(str(portrait_path)), cv2.COLOR_BGR2RGB), 30, 512, 512)


@pytest.fixture(scope="session")
def marked(clip: np.ndarray) -> np.ndarray:
    return marker(512, 512).mark(clip, 0)


@pytest.fixture(scope="session")
def encoded(marked: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("marked") / "clip.mp4"
    with VideoWriter(path, width=512, height=512, fps=FPS) as writer:
        writer.write(marked)
    return path


def test_chunks_change_no_pixel(clip, marked):
    whole = marker(512, 512)
    pieces = [whole.mark(clip[:5], 0), whole.mark(clip[5:6], 5), marker(512, 512).mark(clip[6:9], 6)]
    np.testing.assert_array_equal(np.concatenate(pieces), marked[:9])
    assert whole.mark(clip[:0], 9).shape == (0, 512, 512, 3)


def test_the_callers_frames_stay_as_they_are(clip):
    before = clip[:2].copy()
    kept = clip[:2]
    kept.flags.writeable = False
    assert (marker(512, 512).mark(kept, 0) != before).any()
    np.testing.assert_array_equal(clip[:2], before)


def test_frames_of_another_size_or_type_are_refused(clip):
    for wrong in (clip[:, :256], clip[..., :2], clip.astype(np.float32)):
        with pytest.raises(ValueError, match="uint8"):
            marker(512, 512).mark(wrong, 0)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((luma(one) - luma(other)) ** 2)))


def test_the_mark_stays_below_what_shows(clip):
    later = marker(512, 512).mark(clip, 50)
    assert psnr(later, clip) >= 45.5
    assert np.abs(luma(later) - luma(clip)).max() <= 12


def test_the_first_moment_carries_more(clip, marked):
    """What every encoder codes whole; after a second it is as always."""
    first, last = psnr(marked[:1], clip[:1]), psnr(marked[-1:], clip[-1:])
    assert 38 <= first <= last - 5
    assert last >= 45.5


def test_the_mark_changes_no_colour(clip, marked):
    change = marked.astype(int) - clip
    inside = ((clip > 12) & (clip < 243)).all(axis=3)
    assert (np.ptp(change, axis=3)[inside] == 0).all()


def test_a_plain_grey_picture_is_hardly_touched():
    plain = np.full((1, 512, 512, 3), 190, np.uint8)
    change = marker(512, 512).mark(plain, 99).astype(int) - plain
    assert 0.2 < np.std(change) < 0.7
    assert np.abs(change).max() <= 2


def test_what_does_not_move_does_not_flicker(clip):
    still = np.repeat(clip[:1], 4, axis=0)
    result = marker(512, 512).mark(still, 40)
    assert (result == result[0]).all()


@pytest.mark.parametrize(
    ("width", "height"), [(256, 256), (300, 256), (320, 568), (1280, 720), (333, 411), (1024, 1024)]
)
def test_any_size(width, height, clip):
    frames = swaying(clip[0], 6, width, height)
    assert read_mark([marker(width, height).mark(frames, 0)]).record_id == ID


def test_one_picture_is_enough(marked, tmp_path):
    cv2.imwrite(str(tmp_path / "still.png"), marked[0, ..., ::-1])
    cv2.imwrite(str(tmp_path / "still.jpg"), marked[0, ..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert read_mark(tmp_path / "still.png").record_id == ID
    assert read_mark(tmp_path / "still.jpg").record_id == ID


def test_our_own_encoding(encoded):
    reading = read_mark(encoded)
    assert reading.found
    assert reading.record_id == ID
    assert reading.p_value < 1e-12
    assert reading.details["frames"] == 30
    assert reading.details["scale"] == pytest.approx(1, abs=0.01)


def resized(frames: np.ndarray, scale: float) -> np.ndarray:
    size = round(frames.shape[2] * scale), round(frames.shape[1] * scale)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])


def rotated(frames: np.ndarray, degrees: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, 1)
    return np.stack([cv2.warpAffine(frame, matrix, (512, 512)) for frame in frames])


def aslant(frames: np.ndarray, amount: float) -> np.ndarray:
    corners = np.float32([[0, 0], [512, 0], [0, 512], [512, 512]])
    moved = corners + 512 * amount * np.float32([[0.3, 0.9], [-1, 0.2], [0.8, -0.5], [-0.4, -1]])
    matrix = cv2.getPerspectiveTransform(moved, corners)
    return np.stack([cv2.warpPerspective(frame, matrix, (512, 512)) for frame in frames[:12]])


def compressed(frames: np.ndarray, quality: int) -> np.ndarray:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return np.stack([cv2.imdecode(cv2.imencode(".jpg", frame, options)[1], 1) for frame in frames])


ATTACKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored": lambda frames: frames[:, :, ::-1],
    "turned": lambda frames: np.rot90(frames, 1, (1, 2)),
    "upside down and mirrored": lambda frames: frames[:, ::-1],
    "half": lambda frames: resized(frames, 0.5),
    "three quarters": lambda frames: resized(frames, 0.75),
    "half as large again": lambda frames: resized(frames, 1.5),
    "cropped": lambda frames: frames[:, 97:481, 33:417],
    "cropped and mirrored": lambda frames: frames[:, 20:404, 90:474, :][:, :, ::-1],
    "in a larger frame": lambda frames: np.pad(frames, ((0, 0), (0, 0), (199, 199), (0, 0))),
    "rotated": lambda frames: rotated(frames, 2),
    "rotated by any angle": lambda frames: rotated(frames, -33),
    "seen aslant": lambda frames: aslant(frames, 0.03),
    "brighter": lambda frames: cv2.convertScaleAbs(frames, alpha=1.0, beta=30),
    "flatter": lambda frames: cv2.convertScaleAbs(frames, alpha=0.6, beta=40),
    "grey": lambda frames: np.repeat(luma(frames).round().astype(np.uint8)[..., None], 3, axis=3),
    "every third frame": lambda frames: frames[::3],
    "jpeg": lambda frames: compressed(frames[:12], 60),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_survives(attack, marked):
    reading = read_mark([ATTACKS[attack](marked)])
    assert reading.record_id == ID, reading
    assert reading.p_value < 1e-6


def test_says_what_was_done(marked):
    crop = read_mark([marked[:, 96:480, 32:416][:, :, ::-1]]).details
    assert crop["flipped"]
    assert crop["turned"] == 0
    assert crop["scale"] == pytest.approx(4 / 3, abs=0.01)
    turned = read_mark([rotated(marked, -2)]).details
    assert turned["rotation"] == pytest.approx(2, abs=0.15)
    quarter = read_mark([np.rot90(marked, -1, (1, 2))]).details
    assert (quarter["turned"], quarter["flipped"]) == (90, False)


def test_says_nothing_of_what_is_not_marked(clip):
    reading = read_mark([clip])
    assert not reading.found
    assert reading.record_id is None
    assert reading.p_value > 1e-3


def test_another_key_finds_nothing(marked):
    assert not read_mark([marked], key=b"not the key of this clip").found


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_picture_is_no_evidence(level):
    reading = read_mark([np.full((3, 128, 160, 3), level, np.uint8)])
    assert (reading.found, reading.p_value) == (False, 1.0)


def test_no_frames_and_tiny_frames_are_no_evidence():
    assert read_mark([]).p_value == 1.0
    assert read_mark([np.zeros((2, 8, 8, 3), np.uint8)]).p_value == 1.0


def test_a_private_key_reads_its_own_marks_and_the_public_ones(clip, marked, tmp_path, monkeypatch):
    (tmp_path / "mark.key").write_bytes(b"a secret of thirty-two bytes 123")
    monkeypatch.setenv("FACEWRIGHT_MARK_KEY", str(tmp_path / "mark.key"))
    private = marker(512, 512).mark(clip[:6], 0)
    assert read_mark([private]).record_id == ID
    assert read_mark([marked[:6]]).record_id == ID
    monkeypatch.delenv("FACEWRIGHT_MARK_KEY")
    assert not read_mark([private]).found


def wallpaper(period: float) -> np.ndarray:
    y, x = np.mgrid[0:512, 0:512]
    return np.uint8(128 + 60 * np.sign(np.sin(2 * np.pi * x / period)) * np.sign(np.sin(2 * np.pi * y / period)))


def test_p_values_are_not_too_small(clip):
    """Under keys that nobody used, also for pictures as periodic as the mark: P(p <= x) <= x."""
    tile = np.random.default_rng(3).integers(0, 255, (128, 128), np.uint8)
    pictures = [clip[0], *(np.repeat(np.uint8(p)[..., None], 3, 2) for p in (wallpaper(16), np.tile(tile, (4, 4))))]
    values = []
    for picture in pictures:
        received = read.receive([picture[None]], 1)
        assert received.spectrum
        first = next(geometry.stages(received.spectrum, received.short_side))
        for index in range(60):
            score = geometry.lattice(received.spectrum, carriers(b"key %d" % index), first)[0].z
            values.append(len(first) * geometry.GRID**2 * np.exp(-score * score / 2))
    assert np.mean(np.array(values) <= 0.1) <= 0.1
    assert min(values) > 1e-4


def test_files_that_cannot_be_read(tmp_path, speech_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match="cannot be"):
        read_mark(tmp_path / "missing.mp4")
    with pytest.raises(InputError) as caught:
        read_mark(tmp_path / "text.mp4")
    assert caught.value.code == "unreadable"
    with pytest.raises(InputError) as caught:
        read_mark(speech_path)
    assert caught.value.code == "no_video"


@pytest.fixture(scope="session")
def long_video(clip, tmp_path_factory) -> tuple[Path, int]:
    """1500 frames of 256 × 256, marked from the 600th on."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    small = resized(clip, 0.5)
    marked = marker(256, 256).mark(small, 0)
    with VideoWriter(path, width=256, height=256, fps=FPS) as writer:
        for index in range(50):
            writer.write(small if index < 20 else marked)
    return path, 1500


@pytest.mark.parametrize("most", [60, 250, 500])
def test_long_files_are_sampled_evenly(most, long_video):
    path, frames = long_video
    reading = read_mark(path, max_frames=most)
    assert reading.record_id == ID
    assert most / 2 <= reading.details["frames"] <= min(frames, most + 2 * BURST)


def test_the_commands_do_not_load_it():
    code = "import sys, facewright.provenance.watermark; assert not {'cv2', 'numpy', 'av'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="session")
def four_parts(clip, tmp_path_factory) -> Callable[[list[int]], Path]:
    """Writes a video of the given two-second parts of a marked one."""
    whole = marker(256, 256)
    small = resized(clip, 0.5)

    def write(parts: list[int]) -> Path:
        path = tmp_path_factory.mktemp("parts") / "parts.mp4"
        with VideoWriter(path, width=256, height=256, fps=FPS) as writer:
            for part in parts:
                for start in range(50 * part, 50 * part + 50, 25):
                    writer.write(whole.mark(small[:25], start))
        return path

    return write


@pytest.mark.parametrize("parts", [[0, 1, 2], [2, 0], [5]])
def test_parts_are_located(parts, four_parts):
    found = read_mark(four_parts(parts)).details["order"]
    starts = [place for place, part in enumerate(parts) if place == 0 or part != parts[place - 1] + 1]
    assert len(found) == len(starts)
    for place, stretch in zip(starts, found, strict=True):
        assert stretch["start"] == pytest.approx(2 * place, abs=1)
        assert stretch["origin"] == 2 * parts[place]


def test_frames_without_times_have_no_order(marked):
    assert read_mark([marked]).details["order"] == []
