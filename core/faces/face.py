"""A face found in a picture, and the way to a backend that finds one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Protocol

import numpy as np

from ..errors import InputError, UsageError

BACKENDS = ("mediapipe", "insightface")
MOST = 100  # faces looked for in one picture, the largest; thousands would take minutes
_ONE_AT_A_TIME = Lock()  # a backend is no thing for two threads


@dataclass(frozen=True)
class Face:
    """One face.

    Attributes:
        landmarks: float32 (478, 3), pixels: x right, y down, z away from the camera (its zero is the backend's).
        box: (x0, y0, x1, y1) in pixels, around the landmarks; may reach over the picture's edge.
        score: the detector's confidence in [0, 1].
    """

    landmarks: np.ndarray
    box: tuple[float, float, float, float]
    score: float

    @classmethod
    def of(cls, landmarks: np.ndarray, score: float) -> Face:
        """A face whose box is that of its landmarks (n, 3)."""
        (x0, y0), (x1, y1) = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
        return cls(landmarks.astype(np.float32), (float(x0), float(y0), float(x1), float(y1)), float(score))

    @property
    def size(self) -> float:
        """Longer side of the box, pixels."""
        x0, y0, x1, y1 = self.box
        return max(x1 - x0, y1 - y0)


class FaceBackend(Protocol):
    """What finds faces; close it after use.

    Attributes:
        cut: in video mode, whether the last frame began a new shot.
    """

    cut: bool

    def detect(self, image: np.ndarray) -> list[Face]:
        """All faces of an RGB picture uint8 (H, W, 3), largest first."""
        ...

    def close(self) -> None: ...


def load_backend(
    name: str = "mediapipe", *, video: bool = False, root: str | os.PathLike[str] | None = None, most: int = MOST
) -> FaceBackend:
    """A new backend.

    Args:
        name: "mediapipe", or "insightface" where the user has its package and a model pack.
        video: follow faces from one frame to the next: faster and steadier; for the frames of one clip, in order.
        root: folder of insightface's model packs; default INSIGHTFACE_HOME, then ~/.insightface.
        most: faces looked for in one picture, the largest.

    Raises:
        UsageError: `unknown_backend`.
        AssetError: `weights_missing`, `bad_weights`: the package or its models are not on this machine, or broken.
    """
    from .backend import MeshBackend

    if name == "mediapipe":
        from .tiled_finder import TiledFinder

        return MeshBackend(TiledFinder(), video=video, most=most)
    if name == "insightface":
        from .insightface_finder import InsightfaceFinder

        return MeshBackend(InsightfaceFinder(root), video=video, most=most)
    raise UsageError("unknown_backend", f"there is no face backend {name!r}", f"choose one of {', '.join(BACKENDS)}")


@cache
def _stills(most: int) -> FaceBackend:
    return load_backend(most=most)


def find_faces(image: np.ndarray, *, most: int = MOST) -> list[Face]:
    """The faces of a still RGB picture uint8 (H, W, 3), largest first, by the default backend; at most `most`."""
    with _ONE_AT_A_TIME:
        return _stills(most).detect(image)


def largest_face(image: np.ndarray, *, choose: int | None = None, min_size: float = 64) -> Face:
    """The largest face of a picture uint8 (H, W, 3), or the one chosen; see `choose_face`."""
    return choose_face(find_faces(image), choose=choose, min_size=min_size)


def choose_face(faces: Sequence[Face], *, choose: int | None = None, min_size: float = 64) -> Face:
    """The largest of the faces found in a picture, or the `choose`-th by size, 0 the largest.

    Args:
        faces: as `find_faces` gives them, largest first.
        choose: which face, where the picture has several.
        min_size: least length of the longer side of its box, pixels.

    Raises:
        InputError: `no_face`, `no_such_face`, `face_too_small`.
    """
    if not faces:
        raise InputError(
            "no_face", "no face was found in the picture", "use a picture in which a face is seen from the front"
        )
    index = choose or 0
    if not 0 <= index < len(faces):
        count = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
        raise InputError(
            "no_such_face",
            f"the picture has {count}; there is no face {index}",
            f"choose from 0 (the largest) to {len(faces) - 1}",
        )
    if (face := faces[index]).size < min_size:
        raise InputError(
            "face_too_small",
            f"the face is {face.size:.0f} pixels high; at least {min_size:.0f} are needed",
            "use a larger or closer picture of the face",
        )
    return face
