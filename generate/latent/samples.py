"""Frames as training samples and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from ...core.faces import CropRecipe
from ...core.faces.topology import LEFT_EYE, LIPS_INNER, LIPS_OUTER, MIRROR, OVAL, POINTS, RIGHT_EYE
from ...core.training import Request
from ...datasets.crops import Crops, FaceClip, face_crops
from ...datasets.manifest import read_videos
from .jitter import Shot

MARGIN, SHIFT_UP = 0.45, 0.1  # of the crops all methods of the family see: hair and chin have room to move

LIPS = [*LIPS_OUTER, *LIPS_INNER]
INNER_LIPS = [13, 14]  # upper, lower
TRIED = 8  # frames, for one with another mouth
EMPHASIS = np.ones(POINTS, np.float32)
"""How much each landmark counts: what lips and lids do is little beside what the head does, and is looked at more."""
EMPHASIS[[*LEFT_EYE, *RIGHT_EYE]] = 4
EMPHASIS[LIPS] = 8

LICENCES = {
    "code": "Apache-2.0",
    "weights": "Apache-2.0, as far as the terms of the data allow",
    "data": "of each source, as listed under data",
}


def recipe(size: int) -> CropRecipe:
    """How the family cuts a face out of a picture."""
    return CropRecipe(size, margin=MARGIN, shift_up=SHIFT_UP)


def materials(request: Request) -> dict[str, Any]:
    """What there is to learn from."""
    videos = read_videos(request.data)
    return {"videos": len(videos), "people": len({video.identity for video in videos})}


def crops(request: Request, size: int) -> tuple[Crops, Crops]:
    """Clips of people to learn from, and of people kept apart."""

    def part(split: str) -> Crops:
        return face_crops(
            request.data,
            request.cache,
            size=size,
            margin=MARGIN,
            shift_up=SHIFT_UP,
            split=split,
            workers=request.workers,
            progress=request.progress,
        )

    return part("train"), part("val")


def shot(clip: FaceClip, frame: int) -> Shot:
    """A frame of a clip."""
    return Shot(np.asarray(clip.frames[frame]), np.asarray(clip.landmarks[frame, :, :2]))


def otherwise(clip: FaceClip, frame: int, random: np.random.Generator) -> int:
    """Of a few frames of a clip, the one whose mouth is open most differently from that of `frame`."""
    found = random.integers(len(clip.frames), size=TRIED)
    gaps = [np.linalg.norm(np.subtract(*clip.landmarks[each, INNER_LIPS, :2])) for each in (frame, *found)]
    return int(found[np.argmax(np.abs(np.array(gaps[1:]) - gaps[0]))])


def pair(source: Shot, driving: Shot) -> dict[str, Any]:
    """Two frames of a face: pictures, landmarks in [-1, 1], and where the second one matters most."""
    size = source.frame.shape[0]
    found: dict[str, Any] = {}
    for name, each in (("source", source), ("driving", driving)):
        found[name] = picture(each.frame)
        found[f"{name}_points"] = ((2 * each.landmarks + 1) / size - 1).astype(np.float32)
    found["weight"] = face_weight(driving.landmarks, size)
    return found


def picture(frame: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) → float32 (3, h, w) in [-1, 1]."""
    return np.ascontiguousarray(frame.transpose(2, 0, 1), np.float32) / 127.5 - 1


def pixels(pictures: Tensor) -> np.ndarray:
    """(b, 3, h, w) in [-1, 1] → uint8 (b, h, w, 3)."""
    scaled = (pictures.detach().float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def face_weight(landmarks: np.ndarray, size: int) -> np.ndarray:
    """float32 (1, size, size): 0.5 outside the face, 1.5 on it, 4 on lips and eyes, with soft edges."""
    weight = np.full((size, size), 0.5, np.float32)
    for points, value in ((OVAL, 1.5), (LIPS_OUTER, 4.0), (LEFT_EYE, 4.0), (RIGHT_EYE, 4.0)):
        hull = cv2.convexHull(np.round(landmarks[points, :2]).astype(np.int32))
        cv2.fillConvexPoly(weight, hull, (value,))
    return cv2.blur(weight, (size // 32 + 1,) * 2)[None]


def mirrored(sample: Mapping[str, Any]) -> dict[str, Any]:
    """A sample seen in a mirror, where left and right landmarks swap names."""
    return {
        name: value[MIRROR] * np.array([-1, 1], np.float32) if name.endswith("points") else value[..., ::-1].copy()
        for name, value in sample.items()
        if isinstance(value, np.ndarray)
    }
