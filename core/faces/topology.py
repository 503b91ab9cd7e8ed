"""The 478-point face topology: index groups, triangles, the mean face.

Points 0-467 are a surface mesh, 468-477 the two irises (centre, then four points of the rim). Left and right are
meant as seen in the picture. An open contour runs from the picture's left to its right; a closed one (the lips, the
eyes, the brows, `OVAL`) starts at its left end, runs to the right over the top and comes back below.

The numbers come from data/topology.npz, made by scripts/build_topology.py; data/record.json says from what.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

POINTS = 478


def _indices(*values: int) -> np.ndarray:
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array


def _loop(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Upper and lower row, both left to right and sharing their two ends, as one closed contour."""
    return _indices(*upper, *lower[-2:0:-1])


LIPS_UPPER_OUTER = _indices(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LIPS_LOWER_OUTER = _indices(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LIPS_UPPER_INNER = _indices(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIPS_LOWER_INNER = _indices(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
LIPS_OUTER = _loop(LIPS_UPPER_OUTER, LIPS_LOWER_OUTER)
LIPS_INNER = _loop(LIPS_UPPER_INNER, LIPS_LOWER_INNER)

LEFT_EYE_UPPER = _indices(33, 246, 161, 160, 159, 158, 157, 173, 133)
LEFT_EYE_LOWER = _indices(33, 7, 163, 144, 145, 153, 154, 155, 133)
RIGHT_EYE_UPPER = _indices(362, 398, 384, 385, 386, 387, 388, 466, 263)
RIGHT_EYE_LOWER = _indices(362, 382, 381, 380, 374, 373, 390, 249, 263)
LEFT_EYE = _loop(LEFT_EYE_UPPER, LEFT_EYE_LOWER)
RIGHT_EYE = _loop(RIGHT_EYE_UPPER, RIGHT_EYE_LOWER)

LEFT_IRIS = _indices(468, 469, 470, 471, 472)
RIGHT_IRIS = _indices(473, 474, 475, 476, 477)

LEFT_BROW = _indices(70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = _indices(336, 296, 334, 293, 300, 276, 283, 282, 295, 285)

OVAL = _indices(
    *(234, 127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356, 454),
    *(323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93),
)

NOSE_BRIDGE = _indices(168, 6, 197, 195, 5, 4)
NOSE = _indices(1, 2, 4, 5, 6, 19, 45, 48, 64, 94, 97, 98, 115, 168, 195, 197, 220, 275, 278, 294, 326, 327, 344, 440)

with np.load(Path(__file__).parent / "data/topology.npz") as _data:
    TRIANGLES: np.ndarray = _data["triangles"].astype(
        np.int64
    )  # (852, 3), clockwise in the picture of a face turned to it
    MEAN_FACE: np.ndarray = _data["mean_face"]  # (478, 3) float32
    MIRROR: np.ndarray = _data["mirror"].astype(
        np.int64
    )  # (478,) point i of a face is point MIRROR[i] of its mirror image
    RIGID: np.ndarray = _data["rigid"].astype(np.int64)  # points that move least when the face speaks and smiles
for _array in (TRIANGLES, MEAN_FACE, MIRROR, RIGID):
    _array.flags.writeable = False
EDGES = np.unique(np.sort(TRIANGLES[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)  # (1322, 2)
