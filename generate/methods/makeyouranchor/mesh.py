"""Control pictures of our own, for people who have no body model: the mesh of a face that is followed, shaded.

It shows head pose, expression, lips and gaze, and nothing of the body; renders of SMPL-X show the body and hands too,
and come from outside. A network steered by one kind of picture does not know the other.
"""

from __future__ import annotations

import cv2
import numpy as np

from ....core.faces.topology import LEFT_IRIS, LIPS_INNER, RIGHT_IRIS, TRIANGLES

LIGHT = np.array([0.3, -0.4, -0.87])  # from the camera's left and above
SKIN, LIPS, IRIS = (200, 170, 150), (120, 40, 40), (40, 60, 120)


def render(landmarks: np.ndarray | None, height: int, width: int) -> np.ndarray:
    """uint8 (height, width, 3) of landmarks (478, 3) in its pixels; black where there is no face."""
    shown = np.zeros((height, width, 3), np.uint8)
    if landmarks is None:
        return shown
    corners = landmarks[TRIANGLES].astype(np.float64)  # n 3 3
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    shades = 0.35 + 0.65 * np.abs(normals @ LIGHT)
    pixels = np.round(corners[:, :, :2]).astype(np.int32)
    for index in np.argsort(-corners[:, :, 2].mean(1)):  # far ones first
        cv2.fillConvexPoly(shown, pixels[index], tuple(float(shades[index] * part) for part in SKIN))
    flat = np.round(landmarks[:, :2]).astype(np.int32)
    cv2.fillPoly(shown, [flat[LIPS_INNER][:, None]], LIPS)
    for iris in (LEFT_IRIS, RIGHT_IRIS):
        cv2.fillConvexPoly(shown, cv2.convexHull(flat[iris]), IRIS)
    return shown
