"""A perceptual fingerprint of picture and sound: what a recovered record is compared with before it is called a match.

A watermark can be copied onto another video, so an id alone proves nothing. The fingerprint is a few small grey stills,
taken at even times from the encoded file and kept in the store (never in the file). Two videos match if, for most
moments of one, some still of the other shows the same picture: whole, mirrored, cropped, scaled, turned or slightly
tilted. Stills are aligned by SIFT key points and RANSAC (Lowe 2004; Fischler & Bolles 1981) and compared by the
correlation of their locally normalised detail, where two portraits in the same studio differ although their outlines
agree.

It is coarse on purpose: it tells another scene or another person, not a changed word or a retouched eye. The sound has
a hash of its own beside the stills, see `soundprint`.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..core.errors import InputError
from ..core.media import VideoReader
from . import soundprint

SHORT_SIDE, LONGEST_SIDE = 160, 16_384  # pixels of a still; sides of 100 : 1 are no video
MAX_STILLS = 16  # in the store; a longer video is sampled more sparsely
JPEG_QUALITY = 60
MATCH = 0.75  # see docs/explanation/provenance.md for the measurement
MIN_OVERLAP = 0.15  # of the stored still
_PROBES = 5  # moments of the other video that are looked for
_DETAIL = 0.02  # Gaussian sigma of what counts as detail, in short sides
_MAGIC, _WITH_SOUND = b"FWF1", b"FWF2"


@dataclass(frozen=True)
class Fingerprint:
    """Grey stills, uint8 (h, w) each, `interval` seconds apart, from time 0; codes of the sound, uint32 (n,), if any.

    Rows of before sound was hashed have none.
    """

    interval: float
    stills: tuple[np.ndarray, ...]
    sound: np.ndarray | None = None

    def to_bytes(self) -> bytes:
        """`FWF1`, the interval (float64), then per still its length (uint32) and a JPEG; little endian.

        With sound it is `FWF2`, and the codes, number of bytes first, stand before the stills.
        """
        parts = [_jpeg(still) for still in self.stills]
        if self.sound is not None:
            parts.insert(0, self.sound.astype("<u4").tobytes())
        head = (_MAGIC if self.sound is None else _WITH_SOUND) + struct.pack("<d", self.interval)
        return head + b"".join(struct.pack("<I", len(part)) + part for part in parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """The inverse of `to_bytes`.

        Raises:
            InputError: "bad_record" if these are not the bytes of a fingerprint.
        """
        parts, at = [], 12
        if len(data) > at and data[:4] in (_MAGIC, _WITH_SOUND):
            while at + 4 <= len(data):
                (size,) = struct.unpack_from("<I", data, at)
                parts.append(data[at + 4 : at + 4 + size])
                at += 4 + size
        sound = parts.pop(0) if parts and data.startswith(_WITH_SOUND) else None
        stills = [_decoded(part) for part in parts]
        if (
            at != len(data)
            or not 0 < len(stills) <= MAX_STILLS
            or any(still is None for still in stills)
            or len(sound or b"") % 4
        ):
            raise InputError("bad_record", "A fingerprint in the store is damaged.")
        codes = None if sound is None else np.frombuffer(sound, "<u4").astype(np.uint32)
        return cls(struct.unpack_from("<d", data, 4)[0], tuple(still for still in stills if still is not None), codes)


def digest(data: bytes) -> str:
    """What the signed manifest holds of a fingerprint: the sha256 of its bytes, so that the store cannot change it."""
    return hashlib.sha256(data).hexdigest()


def measure(path: str | Path) -> Fingerprint:
    """The fingerprint of a video file; one pass for the picture and one for the sound, memory flat in length.

    Raises:
        InputError: what `VideoReader` says of a file that is no video.
    """
    stills: list[np.ndarray] = []
    step = 1
    for index, frame in enumerate(_each_second(path)):
        if index % step == 0:
            stills.append(_still(frame))
        if len(stills) > MAX_STILLS:
            stills, step = stills[::2], 2 * step
    return Fingerprint(float(step), tuple(stills), _sound(path))


def same_sound(stored: Fingerprint, other: Fingerprint) -> bool | None:
    """Whether the sound is the stored one; None if either has none, or too little to tell."""
    if stored.sound is None or other.sound is None:
        return None
    share = soundprint.agreement(stored.sound, other.sound)
    return None if share is None else share >= soundprint.SAME


def similarity(stored: Fingerprint, other: Fingerprint) -> float:
    """How alike two videos look: 1 the same, about 0.3 unrelated; `MATCH` or more is a match.

    The median over moments of `other` of the best correlation with any still of `stored`.
    """
    known = [_View.of(still) for still in stored.stills]
    picks = np.unique(np.linspace(0, len(other.stills) - 1, _PROBES).round().astype(int))
    return float(np.median([_best(known, other.stills[pick]) for pick in picks]))


@dataclass(frozen=True)
class _View:
    still: np.ndarray
    points: np.ndarray
    descriptors: np.ndarray | None

    @classmethod
    def of(cls, still: np.ndarray) -> _View:
        sift = cv2.SIFT_create(300, contrastThreshold=0.02)  # type: ignore[attr-defined]
        points, descriptors = sift.detectAndCompute(still, None)
        return cls(still, np.array([point.pt for point in points], np.float32), descriptors)


def _best(known: list[_View], still: np.ndarray) -> float:
    """The best correlation of a still, as it is or mirrored, with any stored one: as a whole, or else aligned."""
    views = [_View.of(still), _View.of(np.ascontiguousarray(still[:, ::-1]))]
    pairs = [(entry, view) for view in views for entry in known]
    best = max(_correlation(entry.still, view.still, _stretch(entry.still, view.still)) for entry, view in pairs)
    if best < MATCH:
        for entry, view in pairs:
            if (matrix := _align(entry, view)) is not None:
                best = max(best, _correlation(entry.still, view.still, matrix))
    return best


def _each_second(path: str | Path) -> Iterator[np.ndarray]:
    for chunk in VideoReader(path, fps=1, chunk=1):
        yield from chunk


def _sound(path: str | Path) -> np.ndarray | None:
    try:
        return soundprint.measure(path)
    except InputError:  # no sound, or none that can be read: the picture counts
        return None


def _decoded(data: bytes) -> np.ndarray | None:
    """A still of a stored fingerprint; None if it is none, or larger than any that we write."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            plausible = max(picture.size) <= LONGEST_SIDE
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if plausible else None


def _still(frame: np.ndarray) -> np.ndarray:
    """Luma of an RGB frame, short side `SHORT_SIDE`, as the JPEG in the store will show it."""
    height, width = frame.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    size = max(SHORT_SIDE, round(width * scale)), max(SHORT_SIDE, round(height * scale))
    small = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return cv2.imdecode(_jpeg_array(small), cv2.IMREAD_GRAYSCALE)


def _jpeg_array(still: np.ndarray) -> np.ndarray:
    return cv2.imencode(".jpg", still, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]


def _jpeg(still: np.ndarray) -> bytes:
    return _jpeg_array(still).tobytes()


def _stretch(still: np.ndarray, view: np.ndarray) -> np.ndarray:
    """The affine map (2, 3) that lays the whole view over the whole still."""
    across, down = still.shape[1] / view.shape[1], still.shape[0] / view.shape[0]
    return np.array([[across, 0, 0], [0, down, 0]], np.float32)


def _align(entry: _View, view: _View) -> np.ndarray | None:
    """The affine map (2, 3) from the view into the stored still that most key points agree on, or None."""
    if entry.descriptors is None or view.descriptors is None or min(len(entry.points), len(view.points)) < 6:
        return None
    pairs = cv2.BFMatcher().knnMatch(view.descriptors, entry.descriptors, k=2)
    pairs = [first for first, second in pairs if first.distance < 0.8 * second.distance]
    if len(pairs) < 5:
        return None
    source = view.points[[pair.queryIdx for pair in pairs]]
    target = entry.points[[pair.trainIdx for pair in pairs]]
    cv2.setRNGSeed(0)  # the same verdict every time
    return cv2.estimateAffine2D(source, target, ransacReprojThreshold=3)[0]


def _correlation(still: np.ndarray, view: np.ndarray, matrix: np.ndarray) -> float:
    """Correlation of detail where the warped view covers the still; 0 where it covers too little."""
    size = still.shape[1], still.shape[0]
    warped = cv2.warpAffine(view, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.full_like(view, 255), matrix, size) == 255
    covered = cv2.erode(covered.astype(np.uint8), np.ones((5, 5))) > 0
    if covered.mean() < MIN_OVERLAP:
        return 0.0
    a, b = (_detail(image)[covered] for image in (still, warped))
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-9))


def _detail(image: np.ndarray) -> np.ndarray:
    """High-passed, then divided by its local contrast: lighting and gamma fall out."""
    sigma = _DETAIL * SHORT_SIDE
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.012 * SHORT_SIDE)
    detail = smooth - cv2.GaussianBlur(smooth, (0, 0), sigma)
    return detail / (np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2 * sigma)) + 2)
