"""The mark of facewright, and those of other tools where they are installed, behind one face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import UsageError
from ....core.media import VideoReader
from ..embed import VideoMarker
from ..read import read_mark

RECORD = "0123456789abcdef"
_SAMPLED = 25  # frames of a clip that a picture mark is read from; its bits are put to the vote


@dataclass(frozen=True)
class Reading:
    """What a scheme says of a file.

    Attributes:
        exact: the very message came back.
        p_value: of the scheme itself; None where it has none.
        details: more of its own.
    """

    exact: bool
    p_value: float | None
    details: dict[str, Any]


@dataclass(frozen=True)
class Scheme:
    """A video mark.

    Attributes:
        name: as in tables.
        payload: bits of the message.
        marker: width, height, fps → (frames uint8 (T, H, W, 3), start) → marked frames.
        read: file → what was read.
    """

    name: str
    payload: int
    marker: Callable[[int, int, float], Callable[[np.ndarray, int], np.ndarray]]
    read: Callable[[Path], Reading]


def schemes(names: Sequence[str] = ()) -> tuple[Scheme, ...]:
    """Ours, and the named peers.

    Raises:
        UsageError: "unknown_peer", "peer_missing".
    """
    for name in names:
        if name not in PEERS:
            raise UsageError("unknown_peer", f"There is no peer {name!r}.", f"There are {', '.join(PEERS)}.")
        if not util.find_spec("imwatermark"):
            raise UsageError("peer_missing", f"{name} is not installed.", "pip install invisible-watermark")
    return (OURS, *(_invisible_watermark(name) for name in names))


def _read_ours(path: Path) -> Reading:
    reading = read_mark(path)
    return Reading(reading.record_id == RECORD, reading.p_value, reading.details)


OURS = Scheme(
    "facewright",
    64,
    lambda width, height, fps: VideoMarker(RECORD, width=width, height=height, fps=fps).mark,
    _read_ours,
)
PEERS = ("dwtDct", "dwtDctSvd", "rivaGan")
"""Methods of the package invisible-watermark: 32 bits in every frame, read at the size that is met."""


def _invisible_watermark(method: str) -> Scheme:
    from imwatermark import WatermarkDecoder, WatermarkEncoder  # type: ignore

    message = bytes.fromhex(RECORD[:8])
    bits = np.unpackbits(np.frombuffer(message, np.uint8))
    if method == "rivaGan":
        WatermarkEncoder.loadModel()
        WatermarkDecoder.loadModel()

    def marker(*_: float) -> Callable[[np.ndarray, int], np.ndarray]:
        encoder = WatermarkEncoder()
        encoder.set_watermark("bytes", message)

        def mark(frames: np.ndarray, _: int) -> np.ndarray:
            marked = [encoder.encode(np.ascontiguousarray(frame[..., ::-1]), method)[..., ::-1] for frame in frames]
            return np.ascontiguousarray(marked).astype(np.uint8)

        return mark

    def read(path: Path) -> Reading:
        decoder = WatermarkDecoder("bytes", 8 * len(message))
        frames = [frame for chunk in VideoReader(path) for frame in chunk[:: max(1, len(chunk) // 4)]]
        chosen = frames[:: max(1, len(frames) // _SAMPLED)]
        votes = [
            np.unpackbits(np.frombuffer(decoder.decode(np.ascontiguousarray(frame[..., ::-1]), method), np.uint8))
            for frame in chosen
        ]
        agree = float(np.mean((np.mean(votes, axis=0) > 0.5) == bits))
        return Reading(agree == 1.0, None, {"bit_accuracy": agree})

    return Scheme(method, 8 * len(message), marker, read)
