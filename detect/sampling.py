"""Which parts of a video are looked at: all of a short one, spans spread evenly over a long one."""

from __future__ import annotations

import math

from ..core.errors import UsageError

SPAN_SECONDS = 6.0
BUDGET_SECONDS = 60.0  # looked at by default, however long the video
LONGEST = 600.0  # s; longer stretches come in pieces, so that what is kept of a face in view is bounded


def spans(seconds: float, fps: float | None, detector_fps: float) -> list[tuple[float, float]]:
    """(start, length) of each part to look at, in order, without overlap.

    Detectors compare neighbouring frames, so they are given every part at their own rate, and `fps` says how many
    frames a second are looked at on average.

    Args:
        seconds: length of the video.
        fps: frames a second to look at over the whole video; None for all of a video of up to a minute, and ten spans
            of 6 s spread over a longer one.
        detector_fps: frames a second that the detectors take.

    Raises:
        UsageError: `usage` for an fps that is not above 0.
    """
    if fps is not None and not 0 < fps <= 1000:
        raise UsageError("usage", f"fps={fps}: must be above 0.", f"{detector_fps:g} looks at everything.")
    budget = BUDGET_SECONDS + 1 if fps is None else seconds * min(1.0, fps / detector_fps)
    if budget >= seconds or seconds <= SPAN_SECONDS:
        pieces = math.ceil(seconds / LONGEST) or 1
        return [(number * seconds / pieces, seconds / pieces) for number in range(pieces)]
    count = max(1, math.floor(budget / SPAN_SECONDS))
    if count == 1:
        return [((seconds - SPAN_SECONDS) / 2, SPAN_SECONDS)]
    step = (seconds - SPAN_SECONDS) / (count - 1)
    return [(number * step, SPAN_SECONDS) for number in range(count)]
