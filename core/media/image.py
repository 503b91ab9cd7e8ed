"""Still pictures as upright RGB."""

from __future__ import annotations

import io
import warnings
from typing import IO

import numpy as np
from PIL import Image, ImageCms, ImageOps

from ..errors import InputError
from .color import over_grey
from .source import MAX_PIXELS, Source, open_file, too_large

# By name, for Pillow also knows formats that start other programs (EPS) or that nobody takes portraits in.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")


def read_image(source: Source | bytes | np.ndarray) -> np.ndarray:
    """Read a still picture as it should be seen.

    EXIF orientation is applied, transparency is laid over mid grey, embedded colour profiles are converted to sRGB,
    16 bits become 8. Of an animation the first picture is read.

    Args:
        source: a path, the bytes of a file (JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, JPEG 2000, AVIF), or an array:
            uint8 or uint16, (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA.

    Returns:
        uint8 (H, W, 3), the caller's own.

    Raises:
        InputError: unreadable, empty, too_large (above `MAX_PIXELS`; decided from the header, before decoding).
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise InputError("empty", "The picture is empty (0 bytes).", "Send it again.")
        return _decode(io.BytesIO(source), "the picture")
    with open_file(source) as file:
        return _decode(io.BufferedReader(file), source)


def _decode(file: IO[bytes], name: object) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of metadata; size is checked below
            image: Image.Image = Image.open(file, formats=_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise too_large(name, image.width, image.height)
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError("too_large", f"{name} is too large: {error}", "Scale it down first.") from error
    except Exception as error:  # Pillow's decoders raise whatever the bytes lead them into
        message = f"{name} is not a picture that can be read: {error}."
        raise InputError("unreadable", message, "Save it as PNG or JPEG.") from error


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bit grey; what Pillow calls I holds no more here
        return _from_array(np.clip(np.asarray(image), 0, 0xFFFF).astype(np.uint16))
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode in ("P", "1"):
        image = image.convert("RGB")
    return _from_array(np.asarray(_to_srgb(image).convert("RGBA" if image.has_transparency_data else "RGB")))


def _to_srgb(image: Image.Image) -> Image.Image:
    if not (data := image.info.get("icc_profile")):
        return image
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if "sRGB" in ImageCms.getProfileDescription(profile):
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode=mode)
        return converted or image
    except (ImageCms.PyCMSError, OSError):  # a damaged profile, or one for another kind of picture
        return image


def _from_array(array: np.ndarray) -> np.ndarray:
    channels = array.shape[2] if array.ndim == 3 else 1 if array.ndim == 2 else 0
    if array.dtype not in (np.uint8, np.uint16) or channels not in (1, 3, 4) or not array.size:
        message = f"An array of {array.dtype} {array.shape} is not a picture."
        raise InputError("unreadable", message, "Give uint8 (H, W, 3) RGB.")
    height, width = array.shape[:2]
    if height * width > MAX_PIXELS:
        raise too_large("The array", width, height)
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    array = array.reshape(height, width, channels)
    image = np.repeat(array, 3, axis=2) if channels == 1 else array[..., :3].copy()
    return over_grey(image, array[..., 3]) if channels == 4 else image
