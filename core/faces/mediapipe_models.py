"""The two MediaPipe 0.10.21 networks in use, each a stateless function of pixels: the detector and the face mesh.

The models come in its wheel. Bazarevsky et al., "BlazeFace", 2019; Kartynnik et al., "Real-time facial surface
geometry from monocular video on mobile GPUs", 2019; Grishchenko et al., "Attention mesh", 2020.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import cv2
import numpy as np

from .crop import invert, transform, warp

_MESH_GRAPH = """
input_stream: "image"
input_stream: "roi"
input_side_packet: "with_attention"
output_stream: "landmarks"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:landmarks"
}
"""
_CHATTER = re.compile(
    rb"INFO: Created TensorFlow Lite|WARNING: All log messages before absl::InitializeLog|[IW]\d{4} \d\d:\d\d:\d\d"
)


@dataclass(frozen=True)
class Region:
    """A turned square of the picture: where to look for one face. Pixels, radians (clockwise)."""

    x: float
    y: float
    side: float
    roll: float = 0.0

    def matrix(self, size: int) -> np.ndarray:
        """The similarity (2, 3) from the picture onto `size` × `size` pixels."""
        turn = (
            size
            / self.side
            * np.array([[np.cos(self.roll), np.sin(self.roll)], [-np.sin(self.roll), np.cos(self.roll)]])
        )
        return np.column_stack([turn, (size - 1) / 2 - turn @ [self.x, self.y]])


_HUSH = threading.RLock()  # stderr is the whole process's


@contextmanager
def hushed() -> Iterator[None]:
    """Hold back what C++ writes to the process's stderr, then pass on everything but MediaPipe's routine chatter."""
    with _HUSH:
        yield from _hushed()


def _hushed() -> Iterator[None]:
    try:
        real = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            held.seek(0)
            rest = b"".join(line for line in held if not _CHATTER.match(line))
            with suppress(OSError):
                os.write(real, rest)
            os.close(real)


class Mesh:
    """478 landmarks of the face in a region."""

    SIDE = 192  # px, the network's input

    def __init__(self) -> None:
        with hushed():
            from google.protobuf import text_format
            from mediapipe.framework import calculator_pb2
            from mediapipe.framework.formats import rect_pb2
            from mediapipe.python.solution_base import SolutionBase

            graph = text_format.Parse(_MESH_GRAPH, calculator_pb2.CalculatorGraphConfig())  # pyright: ignore[reportAttributeAccessIssue]
            self._graph = SolutionBase(graph_config=graph, side_inputs={"with_attention": True})
            self._whole = rect_pb2.NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1)  # pyright: ignore[reportAttributeAccessIssue]
            self(np.zeros((self.SIDE, self.SIDE, 3), np.uint8), Region(96, 96, 192))  # the first run chatters

    def __call__(self, image: np.ndarray, region: Region, *, mirrored: bool = False) -> np.ndarray | None:
        """Landmarks (478, 3) in the picture's pixels, or None if the network sees no face there.

        Args:
            mirrored: show the network the mirror image; left and right then swap names (undo with MIRROR).
        """
        matrix = region.matrix(self.SIDE)
        pixels = warp(image, matrix, (self.SIDE, self.SIDE), border=cv2.BORDER_REPLICATE)
        if mirrored:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        found = self._graph.process({"image": pixels, "roi": self._whole}).landmarks  # pyright: ignore[reportAttributeAccessIssue]
        if found is None:
            return None
        points = np.array([(p.x, p.y, p.z) for p in found.landmark]) * self.SIDE - [0.5, 0.5, 0.0]
        if mirrored:
            points[:, 0] = self.SIDE - 1 - points[:, 0]
        return transform(points, invert(matrix))

    def close(self) -> None:
        self._graph.close()


class Detector:
    """Faces in a square of the picture, by the full-range BlazeFace."""

    SIDE = 192

    def __init__(self, *, min_score: float) -> None:
        with hushed():
            from mediapipe.python.solutions.face_detection import FaceDetection

            self._graph = FaceDetection(model_selection=1, min_detection_confidence=min_score)
            self._graph.process(np.zeros((self.SIDE, self.SIDE, 3), np.uint8))

    def __call__(self, image: np.ndarray, square: Region) -> list[tuple[Region, float]]:
        """Regions for the mesh, with scores."""
        matrix = square.matrix(self.SIDE)
        pixels = warp(image, matrix, (self.SIDE, self.SIDE), border=cv2.BORDER_CONSTANT)
        back = invert(matrix)
        regions = []
        for found in self._graph.process(pixels).detections or ():  # pyright: ignore[reportAttributeAccessIssue]
            box = found.location_data.relative_bounding_box
            eyes = np.array([(p.x, p.y) for p in found.location_data.relative_keypoints[:2]])
            centre = np.array([box.xmin + box.width / 2, box.ymin + box.height / 2])
            (x, y), left, right = transform(np.vstack([centre, eyes]) * self.SIDE - 0.5, back)
            across = right - left
            side = 1.5 * max(box.width, box.height) * square.side
            regions.append((Region(x, y, side, float(np.arctan2(across[1], across[0]))), float(found.score[0])))
        return regions

    def close(self) -> None:
        self._graph.close()
