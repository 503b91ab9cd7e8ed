"""Statistics of head motion, from tracked clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .head_motion import HeadStatistics
from .observe import gaze_angles
from .train_clips import Clip

ORDER, RATE = 8, 10.0
SHARE = 0.55  # of real people's motion: as much as one photo bears


def learn_head(clips: Sequence[Clip], shortest: float = 7.0) -> HeadStatistics:
    """Autoregression by the Yule-Walker equations on autocovariances averaged over clips, each of unit variance.

    Args:
        clips: tracked clips.
        shortest: seconds that a clip must last to tell of slow motion.
    """
    series, spreads, holds = [], [], []
    for clip in clips:
        if len(clip.head) / clip.fps < shortest:
            continue
        pose = _resample(clip.pose, clip.fps)
        pose = pose - pose.mean(0)
        spreads.append(pose.std(0))
        series.append(pose / pose.std(0))
        holds.append(_hold(clip))
    count = sum(len(one) for one in series)
    lags = [np.sum([one[lag:].T @ one[: len(one) - lag] for one in series], 0) / count for lag in range(ORDER + 1)]
    big = np.block([[lags[j - i] if j >= i else lags[i - j].T for j in range(ORDER)] for i in range(ORDER)])
    right = np.concatenate(lags[1:], axis=1)
    solved = right @ np.linalg.inv(big + 1e-3 * np.eye(len(big)))
    rest = lags[0] - solved @ right.T
    return HeadStatistics(
        solved.reshape(6, ORDER, 6).transpose(1, 0, 2),
        np.linalg.cholesky((rest + rest.T) / 2 + 1e-6 * np.eye(6)),
        SHARE * np.median(spreads, axis=0),
        np.median(holds, axis=0),
    )


def _resample(pose: np.ndarray, fps: float) -> np.ndarray:
    """Pose at 10 Hz, averaged over windows, so that the tracker's jitter stays out."""
    reach = max(round(fps / RATE), 1)
    window = np.hanning(2 * reach + 1)[1:-1] if reach > 1 else np.ones(1)
    smooth = np.stack([np.convolve(column, window / window.sum(), "valid") for column in pose.T], 1)
    at = np.arange(0, len(smooth) - 1, fps / RATE)
    return np.stack([np.interp(at, np.arange(len(smooth)), column) for column in smooth.T], 1)


def _hold(clip: Clip) -> np.ndarray:
    """Share of the head's yaw and pitch that the eyes take back: slope of the gaze on the angle."""
    offset = gaze_angles(clip.head)
    slopes = [np.polyfit(clip.pose[:, axis], offset[:, axis], 1)[0] for axis in (0, 1)]
    return np.clip(-np.array(slopes), 0, 1)
