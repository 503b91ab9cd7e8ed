"""MediaPipe 0.10.21 as face backend: its models come in its wheel."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager, suppress

import cv2
import numpy as np

from .face import Face

_CROP = 384  # px; the mesh network itself looks at 192


_NOISE = re.compile(
    rb"^(INFO: Created TensorFlow Lite|WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:\d\d|[IW]\d{4} 00:00:)"
)


@contextmanager
def quiet():
    """Hold back what mediapipe's C++ parts write to the process's stderr, then pass on all but its known chatter."""
    try:
        real = os.dup(2)
    except OSError:  # no stderr at all
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            held.seek(0)
            rest = b"".join(line for line in held if not _NOISE.match(line))
            with suppress(OSError):
                os.write(2, rest)
            os.close(real)


class MediapipeBackend:
    def __init__(self, *, video: bool = False) -> None:
        with quiet():
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._detector = FaceDetection(model_selection=1, min_detection_confidence=0.4)
            self._mesh = FaceMesh(
                static_image_mode=False, refine_landmarks=True, max_num_faces=1, min_detection_confidence=0.3
            )
            blank = np.zeros((64, 64, 3), np.uint8)
            self._detector.process(blank)
            self._mesh.process(blank)

    def detect(self, image: np.ndarray) -> list[Face]:
        """All faces of an RGB picture uint8 (H, W, 3), largest first."""
        with quiet():
            faces = [self._fit(image, *proposal) for proposal in self._propose(image)]
        return sorted((f for f in faces if f), key=lambda f: f.size, reverse=True)

    def _propose(self, image):
        height, width = image.shape[:2]
        for found in self._detector.process(np.ascontiguousarray(image)).detections or ():
            points = np.array([(p.x * width, p.y * height) for p in found.location_data.relative_keypoints])
            box = found.location_data.relative_bounding_box
            yield points, max(box.width * width, box.height * height), found.score[0]

    def _fit(self, image, points, size, score):
        right = points[1] - points[0]
        angle, centre = np.degrees(np.arctan2(right[1], right[0])), points[:4].mean(0)
        matrix = cv2.getRotationMatrix2D(tuple(centre), angle, _CROP / (2 * size))
        matrix[:, 2] += _CROP / 2 - centre
        crop = cv2.warpAffine(image, matrix, (_CROP, _CROP), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
        self._mesh.reset()
        for _ in range(3):
            found = self._mesh.process(crop).multi_face_landmarks
        if not found:
            return None
        landmarks = np.array([(p.x, p.y, p.z) for p in found[0].landmark]) * _CROP
        back = cv2.invertAffineTransform(matrix)
        landmarks[:, :2] = landmarks[:, :2] @ back[:, :2].T + back[:, 2]
        landmarks[:, 2] *= np.hypot(*back[:, 0])
        return Face.of(landmarks, score)

    def close(self) -> None:
        self._detector.close()
        self._mesh.close()
