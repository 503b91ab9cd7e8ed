"""Stills as people have them: turned, transparent, grey, indexed, for print, with 16 bits, with profiles, too large."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
from facewright.core.errors import InputError
from facewright.core.media import read_image
from PIL import Image, ImageCms


@pytest.fixture(scope="module")
def picture(portrait_path) -> np.ndarray:
    return np.asarray(Image.open(portrait_path))


def packed(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_a_path_bytes_and_an_array_give_the_same(portrait_path, picture):
    for source in (portrait_path, str(portrait_path), portrait_path.read_bytes(), picture):
        got = read_image(source)
        assert got.dtype == np.uint8
        assert np.array_equal(got, picture)
    got[:] = 0
    assert picture.any(), "the array given must not be touched"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(picture, orientation):
    upright = picture[:200, :120]
    turn = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3, 6: 1, 7: 1, 8: 3}[orientation]  # quarter turns that undo the camera's
    stored = np.rot90(upright, turn)
    if orientation in (2, 4, 5, 7):
        stored = np.rot90(upright[:, ::-1], {2: 0, 4: 2, 5: 1, 7: 3}[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_image(packed(Image.fromarray(np.ascontiguousarray(stored)), exif=exif)), upright)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_lies_over_grey(kind):
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[..., 0] = 255
    pixels[:8, :, 3] = 255
    pixels[12:, :, 3] = 128
    got = read_image(packed(Image.fromarray(pixels), kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert np.array_equal(got[0, 0], (255, 0, 0))
    assert np.array_equal(got[10, 0], (128, 128, 128))
    assert np.array_equal(got[14, 0], (192, 64, 64))
    assert np.array_equal(read_image(pixels), got)


def test_a_transparent_palette():
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.putpixel((0, 0), 0)
    got = read_image(packed(image, transparency=0))
    assert np.array_equal(got[0, 0], (128, 128, 128))
    assert np.array_equal(got[4, 4], (10, 200, 30))


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_every_mode_looks_the_same(picture, mode):
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    if mode == "I;16":
        data = packed(Image.fromarray(grey.astype(np.uint16) * 257))
    else:
        jpeg = mode in ("CMYK", "YCbCr")
        options = {"quality": 95} if jpeg else {}
        data = packed(Image.fromarray(picture).convert(mode), "JPEG" if jpeg else "PNG", **options)
    got = read_image(data)
    assert got.shape == picture.shape
    assert got.dtype == np.uint8
    want = grey[..., None] if mode in ("L", "LA", "1", "I;16") else picture
    # Dither and palettes keep the mean; the rest keeps the pixels.
    if mode in ("1", "P"):
        assert abs(got.mean() - want.mean()) < 6
    else:
        assert np.abs(got.astype(int) - want).mean() < 3


def png16(pixels: np.ndarray) -> bytes:
    """A 16-bit RGB PNG, which Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_sixteen_bits(picture):
    deep = picture.astype(np.uint16) * 257
    assert np.array_equal(read_image(png16(deep)), picture)
    assert np.array_equal(read_image(deep), picture)


def test_a_wide_gamut_profile_becomes_srgb():
    """A profile whose red and green are swapped shows whether profiles are obeyed."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    data = bytearray(srgb.tobytes())
    tags = {
        bytes(data[132 + 12 * k : 136 + 12 * k]): 132 + 12 * k for k in range(struct.unpack(">I", data[128:132])[0])
    }
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    swapped = bytes(data).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    image = Image.new("RGB", (4, 4), (220, 40, 10))
    got = read_image(packed(image, icc_profile=swapped))[0, 0]
    assert np.abs(got.astype(int) - (40, 220, 10)).max() < 6
    assert np.array_equal(read_image(packed(image, icc_profile=srgb.tobytes()))[0, 0], (220, 40, 10))
    assert np.array_equal(read_image(packed(image, icc_profile=b"no profile at all" * 20))[0, 0], (220, 40, 10))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP", "PPM", "JPEG2000", "AVIF", "TIFF"])
def test_kinds_of_file(picture, kind):
    got = read_image(packed(Image.fromarray(picture[:96, 200:312]), kind))
    assert got.shape == (96, 112, 3)
    assert np.abs(got.astype(int) - picture[:96, 200:312]).mean() < 8


def test_eight_k_is_read():
    image = Image.new("L", (7680, 4320), 77)
    assert read_image(packed(image)).shape == (4320, 7680, 3)


def bomb(width: int, height: int) -> bytes:
    data = bytearray(packed(Image.new("L", (1, 1))))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


@pytest.mark.parametrize("size", [(9000, 9000), (60000, 60000), (2**31 - 1, 2)])
def test_bombs_are_refused_from_the_header(size):
    with pytest.raises(InputError) as caught:
        read_image(bomb(*size))
    assert caught.value.code == "too_large"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"", "empty"),
        (b"hello, I am text", "unreadable"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "unreadable"),  # would start Ghostscript
        (os.urandom(4096), "unreadable"),
        (np.zeros((4, 4, 3), np.float32), "unreadable"),
        (np.zeros((4, 4, 2), np.uint8), "unreadable"),
        (np.zeros((0, 4, 3), np.uint8), "unreadable"),
        (np.zeros(7, np.uint8), "unreadable"),
    ],
)
def test_what_is_no_picture(source, code):
    with pytest.raises(InputError) as caught:
        read_image(source)
    assert caught.value.code == code


def test_paths_that_hold_no_picture(tmp_path, speech_path):
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    cases = {"empty.png": "empty", "pipe.png": "unreadable", "missing.png": "unreadable", ".": "unreadable"}
    for name, code in (*cases.items(), (speech_path, "unreadable"), ("null\0byte", "unreadable")):
        with pytest.raises(InputError) as caught:
            read_image(tmp_path / name)
        assert caught.value.code == code, name
        assert caught.value.hint


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "JPEG2000", "AVIF"])
def test_damaged_files_give_a_picture_or_an_input_error(picture, kind):
    data = packed(Image.fromarray(picture[::8, ::8]), kind)
    rng = np.random.default_rng(11)
    for _ in range(40):
        broken = bytearray(data[: int(rng.integers(1, len(data)))] if rng.random() < 0.3 else data)
        for at in rng.integers(0, len(broken), 8):
            broken[at] = rng.integers(0, 256)
        with contextlib.suppress(InputError):
            got = read_image(bytes(broken))
            assert got.dtype == np.uint8
            assert got.shape[2] == 3
