"""Small pictures of a face for the report, taken from the scanned file again."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from ..core.errors import FacewrightError
from ..core.media import VideoReader, read_image
from .heat import Heat
from .result import FaceReport, ScanReport

SIDE, QUALITY = 176, 82  # px, JPEG
_MOST_VEIL = 0.55  # of the colour that is laid over the hottest part


class Pictures:
    """JPEG data URIs of faces; None once the file is moved, deleted or damaged."""

    def __init__(self, report: ScanReport) -> None:
        self._report = report
        self._kept: dict[float, np.ndarray | None] = {}

    def of(self, face: FaceReport, seconds: float, heat: Heat | None = None) -> str | None:
        """The face at that time, with a map of where the evidence lies laid over it."""
        if seconds not in self._kept:
            self._kept = {seconds: self._frame(seconds)}
        frame = self._kept[seconds]
        return None if frame is None else _jpeg(frame, face.box(seconds), heat)

    def _frame(self, seconds: float) -> np.ndarray | None:
        report = self._report
        try:
            if report.still:
                return read_image(report.path)
            fps = report.detector.fps
            reader = VideoReader(report.path, fps=fps, start=seconds, seconds=1 / fps, chunk=1)
            return next(iter(reader))[0]
        except (FacewrightError, StopIteration, IndexError):
            return None


def _jpeg(frame: np.ndarray, box: np.ndarray, heat: Heat | None) -> str:
    x0, y0, x1, y1 = box
    half = 0.75 * max(x1 - x0, y1 - y0)
    scale = SIDE / (2 * half)
    matrix = np.array([[scale, 0, SIDE / 2 - scale * (x0 + x1) / 2], [0, scale, SIDE / 2 - scale * (y0 + y1) / 2]])
    if scale < 0.75:  # average first, so that nothing aliases
        frame = _averaged(frame, box, 0.4 / scale)
    cut = cv2.warpAffine(frame, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if heat is not None:
        cut = veiled(cut, heat, matrix)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(cut, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("OpenCV cannot encode a JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def _averaged(frame: np.ndarray, box: np.ndarray, sigma: float) -> np.ndarray:
    """The frame, blurred around the face alone: the rest of a giant one is not shown."""
    height, width = frame.shape[:2]
    room = max(box[2] - box[0], box[3] - box[1])
    x0, y0 = (int(max(0, value - room)) for value in box[:2])
    x1, y1 = int(min(width, box[2] + room)), int(min(height, box[3] + room))
    if x1 <= x0 or y1 <= y0:
        return frame
    frame = frame.copy()
    frame[y0:y1, x0:x1] = cv2.GaussianBlur(frame[y0:y1, x0:x1], (0, 0), sigma)
    return frame


def veiled(cut: np.ndarray, heat: Heat, matrix: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) with the map over it, from clear to hot.

    Args:
        cut: the picture.
        heat: the map, in the scanned picture's pixels.
        matrix: (2, 3) from there to the cut.
    """
    rows, columns = heat.cells.shape
    own = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
    corners = (heat.corners @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    onto = cv2.getPerspectiveTransform(own, corners)
    size = cut.shape[1::-1]
    strength = cv2.warpPerspective(heat.cells, onto, size, flags=cv2.INTER_CUBIC, borderValue=(0.0,))
    strength = cv2.GaussianBlur(np.clip(strength, 0, 1), (0, 0), size[0] / 60)[..., None]
    colours = cv2.applyColorMap(np.rint(255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    return np.rint(cut + _MOST_VEIL * strength * (colours.astype(np.float32) - cut)).astype(np.uint8)
