"""Figures of one clip: its pictures against others, its face, its movement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ...core.faces import euler, fit_pose, to_head, track
from ...core.faces.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    LIPS_INNER,
    LIPS_OUTER,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from .lips import lip_distance

MOUTH = np.concatenate([LIPS_OUTER, LIPS_INNER])
SHUT = 0.55  # of a clip's usual eye opening, below which the eyes count as shut


@dataclass(frozen=True)
class Watched:
    """What was seen in T frames; rows of frames without a face are NaN.

    Attributes:
        landmarks: float32 (T, 478, 3), pixels.
        sharpness: (T,), see `sharpness`, of the face.
        thumbs: uint8 (T, h, w), luma at most 256 px high, for PSNR and SSIM.
        fps: frames per second.
    """

    landmarks: np.ndarray
    sharpness: np.ndarray
    thumbs: np.ndarray
    fps: float

    @property
    def seen(self) -> np.ndarray:
        return np.isfinite(self.landmarks[:, 0, 0])

    @property
    def lips(self) -> np.ndarray:
        return np.array([lip_distance(points) for points in self.landmarks])


def watch(chunks: Iterable[np.ndarray], fps: float) -> Watched:
    """Look at a clip once; its largest face counts. Memory grows with the length by a few kilobytes a frame."""
    thumbs: list[np.ndarray] = []
    faces: list[np.ndarray] = []

    def passing() -> Iterable[np.ndarray]:
        for chunk in chunks:
            for frame in chunk:
                faces.append(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
            yield chunk

    landmarks, sharp = [], []
    for seen in track(passing(), fps=fps):
        grey = faces[0]
        del faces[0]
        points = seen.faces[0].face.landmarks if seen.faces else np.full((478, 3), np.nan, np.float32)
        landmarks.append(points)
        sharp.append(sharpness(grey, points) if seen.faces else np.nan)
        scale = 256 / grey.shape[0]
        thumbs.append(cv2.resize(grey, (round(grey.shape[1] * scale), 256), interpolation=cv2.INTER_AREA))
    return Watched(np.stack(landmarks), np.array(sharp), np.stack(thumbs), fps)


def sharpness(grey: np.ndarray, landmarks: np.ndarray) -> float:
    """Share of the face's edges that look sharp: cumulative probability of blur detection (Narvekar & Karam 2011).

    The width of an edge is measured along its row; a width that people just notice is 5 pixels at low contrast, 3 at
    high. 1 is sharp everywhere.
    """
    x0, y0 = np.maximum(np.floor(landmarks[:, :2].min(0)), 0).astype(int)
    x1, y1 = np.ceil(landmarks[:, :2].max(0)).astype(int)
    face = grey[y0:y1, x0:x1].astype(np.float32)
    if min(face.shape) < 16:
        return float("nan")
    slope = cv2.Sobel(face, cv2.CV_32F, 1, 0) / 4
    edges = np.argwhere((np.abs(slope) > 8) & (cv2.Canny(face.astype(np.uint8), 40, 100) > 0))
    if len(edges) < 16:
        return float("nan")
    widths = np.array([_width(face[y], int(x), bool(slope[y, x] > 0)) for y, x in edges[:: max(1, len(edges) // 400)]])
    contrast = float(face.max() - face.min())
    noticed = 5.0 if contrast <= 50 else 3.0
    blur = 1 - np.exp(-((widths / noticed) ** 3.6))
    return float(np.mean(blur <= 0.63))


def _width(row: np.ndarray, x: int, rising: bool) -> int:
    """Pixels from the darkest to the brightest end of the edge at `x`."""
    left = right = x
    while left > 0 and (row[left - 1] < row[left]) == rising and row[left - 1] != row[left]:
        left -= 1
    while right < len(row) - 1 and (row[right + 1] > row[right]) == rising and row[right + 1] != row[right]:
        right += 1
    return right - left


def movement(clip: Watched) -> dict[str, float]:
    """Diversity of head motion (standard deviation of the angles, degrees) and blinks a minute."""
    points = clip.landmarks[clip.seen]
    angles = np.degrees([euler(fit_pose(each).rotation) for each in points])
    opening = np.mean([_opening(points, *eye) for eye in EYES], 0)
    shut = opening < SHUT * np.median(opening)
    blinks = int(np.sum(shut[1:] & ~shut[:-1]))
    return {
        "head_degrees": float(np.mean(angles.std(0))),
        "blinks_per_minute": blinks / (len(opening) / clip.fps) * 60,
        "sharpness": float(np.nanmean(clip.sharpness)),
    }


EYES = ((LEFT_EYE_UPPER, LEFT_EYE_LOWER), (RIGHT_EYE_UPPER, RIGHT_EYE_LOWER))


def _opening(points: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    middle = len(upper) // 2
    height = np.linalg.norm(points[:, upper[middle], :2] - points[:, lower[middle], :2], axis=1)
    return height / np.linalg.norm(points[:, 33, :2] - points[:, 263, :2], axis=1)


def against(made: Watched, wanted: Watched) -> dict[str, float]:
    """A clip against the one it should equal, frame by frame over their common length.

    Landmark distances are in percent of the distance of the outer eye corners. `shape` is the distance of the faces'
    resting shapes with pose and size taken out: a stand-in for identity that needs no recognition network.
    """
    from skimage.metrics import structural_similarity

    count = min(len(made.thumbs), len(wanted.thumbs))
    gaps = (made.thumbs[:count].astype(np.float64) - wanted.thumbs[:count]) ** 2
    both = made.seen[:count] & wanted.seen[:count]
    one, other = made.landmarks[:count][both][..., :2], wanted.landmarks[:count][both][..., :2]
    unit = np.linalg.norm(other[:, 33] - other[:, 263], axis=1) / 100
    off = np.linalg.norm(one - other, axis=2) / unit[:, None]
    rests = [
        np.median([to_head(each, fit_pose(each)) for each in clip.landmarks[clip.seen]], axis=0)
        for clip in (made, wanted)
    ]
    return {
        "psnr": float(np.mean(10 * np.log10(255**2 / np.maximum(gaps.mean((1, 2)), 1e-9)))),
        "ssim": float(
            np.mean(
                [structural_similarity(*pair) for pair in zip(made.thumbs[:count], wanted.thumbs[:count], strict=True)]
            )
        ),
        "mouth": float(off[:, MOUTH].mean()),
        "face": float(off.mean()),
        "shape": float(100 * np.linalg.norm(rests[0] - rests[1], axis=1).mean()),
    }
