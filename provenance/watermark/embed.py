"""Writing the mark into frames."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .carriers import clock, pattern
from .key import resolve_key
from .mask import gain_map
from .order import PARTS, SECONDS
from .payload import to_bits

TAKEN_BACK = 0.7  # of the amplitude, of a mark that is replaced: less than was written, as encoding took some
ONSET, FADING = 1.0, 0.2  # the first frame's additional share of the amplitude; seconds in which it falls to a third


class VideoMarker:
    """Marks the frames of one video with its record id.

    Every frame is marked by itself, so the result does not depend on how the frames are chunked, and any part of the
    video tells the id. The first frame is the one that every encoder codes whole, and at low bit rates all that stands
    still is copied from it; nobody sees so fine a grain in the first moments of a picture that comes up from nothing.
    So the mark is stronger there.

    Args:
        record_id: 16 hex digits.
        width: of the frames, px.
        height: likewise.
        fps: frames per second.
        instead_of: record id of a mark that the frames carry in the same place, to be taken back.
        key: of the mark; None for `resolve_key()`.

    Raises:
        ValueError: an id is not 16 hex digits.
    """

    def __init__(
        self,
        record_id: str,
        *,
        width: int,
        height: int,
        fps: float,
        instead_of: str | None = None,
        key: bytes | None = None,
    ) -> None:
        key = resolve_key() if key is None else key
        self.record_id, self.width, self.height, self.fps = record_id, width, height, fps
        self._key = key
        self._steady = pattern(to_bits(record_id, key), key, width=width, height=height)
        if instead_of is not None:
            self._steady -= TAKEN_BACK * pattern(to_bits(instead_of, key), key, width=width, height=height)
        self._part, self._pattern = -1, self._steady

    def mark(self, frames: np.ndarray, start: int) -> np.ndarray:
        """Marked copies of frames.

        Args:
            frames: uint8 (T, height, width, 3).
            start: index of the first frame in the video.

        Returns:
            uint8 (T, height, width, 3).

        Raises:
            ValueError: the frames have another shape or type.
        """
        if frames.dtype != np.uint8 or frames.shape[1:] != (self.height, self.width, 3):
            raise ValueError(f"frames are uint8 (T, {self.height}, {self.width}, 3), not {frames.dtype} {frames.shape}")
        marked = np.empty_like(frames, order="C")
        for index, (frame, out) in enumerate(zip(frames, marked, strict=True), start):
            self._turn_to(int(index / (SECONDS * self.fps)) % PARTS)
            onset = ONSET * math.exp(-index / (FADING * self.fps))
            self._mark(np.ascontiguousarray(frame), out, 1 + onset if onset > 0.02 else 1.0)
        return marked

    def _turn_to(self, part: int) -> None:
        if part != self._part:
            added = clock(self._key, part, width=self.width, height=self.height)
            self._part, self._pattern = part, self._steady + added

    def _mark(self, frame: np.ndarray, out: np.ndarray, strength: float) -> None:
        gain = gain_map(frame) * strength
        gain = cv2.resize(gain, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        delta = cv2.multiply(self._pattern, gain, dtype=cv2.CV_8S)
        # Two saturating byte operations are several times faster than one addition in a wider type. The same change in
        # R, G and B changes luma alone.
        up, down = (np.maximum(change, 0).view(np.uint8) for change in (delta, -delta))
        cv2.add(frame, cv2.merge((up, up, up)), dst=out)
        cv2.subtract(out, cv2.merge((down, down, down)), dst=out)
