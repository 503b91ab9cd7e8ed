"""Faces: detection, 478 landmarks, head pose, tracking, crops, mattes. Nothing outside this room knows the backend."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import topology
    from .crop import Crop, CropRecipe, crop_face, paste_back, soft_mask
    from .face import BACKENDS, Face, FaceBackend, choose_face, find_faces, largest_face, load_backend
    from .matte import person_matte
    from .pose import Pose, align, euler, fit_pose, from_euler, to_head, to_image
    from .smoothing import smooth
    from .tracking import TrackedFace, TrackedFrame, track

__all__ = [
    "BACKENDS",
    "Crop",
    "CropRecipe",
    "Face",
    "FaceBackend",
    "Pose",
    "TrackedFace",
    "TrackedFrame",
    "align",
    "choose_face",
    "crop_face",
    "euler",
    "find_faces",
    "fit_pose",
    "from_euler",
    "largest_face",
    "load_backend",
    "paste_back",
    "person_matte",
    "smooth",
    "soft_mask",
    "to_head",
    "to_image",
    "topology",
    "track",
]

_HOME = {  # name → its file; imported when asked for, for numpy, cv2 and mediapipe take their time
    **dict.fromkeys(("Crop", "CropRecipe", "crop_face", "paste_back", "soft_mask"), "crop"),
    **dict.fromkeys(
        ("BACKENDS", "Face", "FaceBackend", "choose_face", "find_faces", "largest_face", "load_backend"), "face"
    ),
    "person_matte": "matte",
    "smooth": "smoothing",
    **dict.fromkeys(("Pose", "align", "euler", "fit_pose", "from_euler", "to_head", "to_image"), "pose"),
    **dict.fromkeys(("TrackedFace", "TrackedFrame", "track"), "tracking"),
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    if name == "topology":
        return import_module(".topology", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
