"""From a stream of frames and sound to a marked, encoded file, with memory flat in length."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..core.errors import FacewrightError, InputError, RefusedError
from ..core.media import VideoWriter
from ..core.progress import Progress, Report
from .watermark import VideoMarker
from .watermark.sound import SoundMarker


def encode(
    chunks: Iterable[np.ndarray],
    path: Path,
    *,
    fps: Fraction | float,
    width: int,
    height: int,
    mark: str | None,
    sound_mark: str | None,
    audio: Iterable[np.ndarray] | None,
    audio_rate: int | None,
    metadata: Mapping[str, str] | None,
    total: int | None,
    progress: Report,
    watch: Stopwatch,
    instead_of: str | None = None,
    crf: float = 18,
) -> tuple[int, str]:
    """Pull, mark and encode; the next chunk is rendered while the last is marked and encoded.

    Args:
        mark: record id to mark the frames with; None if they carry their mark already.
        sound_mark: likewise the sound.
        watch: is told the seconds spent to "mark" and "encode".
        instead_of: record id of a mark that the frames carry, to be taken back.
        crf: of the writer.
        The rest as for `seal`.

    Returns:
        The number of frames, and for `replay` the SHA-256 of them all before the mark ("" if they came marked).

    Raises:
        RefusedError: "mark_failed".
        InputError: "empty".
        Whatever the writer, `chunks` or `audio` raise; then there is no file.
    """
    with _refusing():
        shape = {"width": width, "height": height, "fps": float(fps)}
        marker = VideoMarker(mark, **shape, instead_of=instead_of) if mark else None
    rendered = hashlib.sha256() if mark else None
    if sound_mark and audio is not None and audio_rate:
        audio = _marked(audio, audio_rate, sound_mark)
    sound = Sound(audio, audio_rate) if audio is not None and audio_rate else None

    def put(frames: np.ndarray, start: int, samples: list[np.ndarray]) -> None:
        if marker and rendered:
            rendered.update(np.ascontiguousarray(frames).data)
            with watch("mark"), _refusing():
                frames = marker.mark(frames, start)
        with watch("encode"):
            writer.write(frames)
            for block in samples:
                writer.write_audio(block)

    done = 0
    pending: Future[None] | None = None
    form = {"width": width, "height": height, "fps": fps, "audio_rate": audio_rate, "crf": crf}
    with VideoWriter(path, **form, metadata=metadata) as writer:
        with ThreadPoolExecutor(1, thread_name_prefix="seal") as worker:
            for frames in chunks:
                samples = sound.until((done + len(frames)) / float(fps)) if sound else []
                if pending:
                    pending.result()  # at most two chunks are alive; a failure ends the rendering at once
                pending = worker.submit(put, frames, done, samples)
                done += len(frames)
                progress(Progress("seal", done, total))
            if pending is None or not done:
                raise InputError("empty", "The generator gave not one frame.", "Give a longer drive.")
            pending.result()
        with watch("encode"):
            writer.close()
    return done, rendered.hexdigest() if rendered else ""


def _marked(audio: Iterable[np.ndarray], rate: int, record_id: str) -> Iterable[np.ndarray]:
    """The sound with its mark; as it is below the rate of a telephone, where the mark has no room."""
    return SoundMarker(record_id, rate=rate).mark(audio) if rate >= SoundMarker.SLOWEST else audio


class Sound:
    """Samples by the clock of the video."""

    def __init__(self, blocks: Iterable[np.ndarray], rate: int) -> None:
        self._blocks, self._rate = iter(blocks), rate
        self._rest = np.empty(0, np.float32)
        self._given = 0

    def until(self, seconds: float) -> list[np.ndarray]:
        """What has not been given yet of the sound before `seconds`, in blocks; less at its end."""
        wanted = round(seconds * self._rate) - self._given
        blocks = []
        while wanted > 0:
            block = self._rest if len(self._rest) else next(self._blocks, None)
            if block is None:
                break
            blocks.append(block[:wanted])
            self._rest = block[wanted:]
            self._given += len(blocks[-1])
            wanted -= len(blocks[-1])
        return blocks


class Stopwatch:
    """`with watch(stage):` adds to `watch.seconds[stage]`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(("mark", "encode", "sign", "check"), 0.0)

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - begin


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except FacewrightError:
        raise
    except Exception as error:
        raise RefusedError("mark_failed", f"Marking failed, so no file was written: {error}.") from error
