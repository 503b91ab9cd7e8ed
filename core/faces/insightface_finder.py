"""InsightFace's detector (SCRFD) as finder, for users who hold one of its model packs. Nothing is ever downloaded.

The packs are for non-commercial use: their licence is between the user and InsightFace.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AssetError
from .mediapipe_models import Region

_HINT = (
    "Install facewright[insightface], put an InsightFace model pack (such as buffalo_l, with its det_*.onnx) into a "
    "folder and set INSIGHTFACE_HOME to it; facewright downloads none."
)


class InsightfaceFinder:
    """Regions from SCRFD's boxes and eyes.

    Args:
        root: folder that holds a pack, or packs in `models/`; default INSIGHTFACE_HOME, then ~/.insightface.

    Raises:
        AssetError: `weights_missing`, `bad_weights`.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        home = Path(root or os.environ.get("INSIGHTFACE_HOME") or "~/.insightface").expanduser()
        models = sorted(path for kind in ("det_*.onnx", "scrfd_*.onnx") for path in home.glob(f"**/{kind}"))
        if not models:
            raise AssetError("weights_missing", f"no InsightFace detector (det_*.onnx) under {home}", _HINT)
        try:
            from insightface.model_zoo import get_model  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise AssetError("weights_missing", f"insightface cannot be imported: {error}", _HINT) from error
        try:
            self._detector: Any = get_model(str(models[-1]), providers=["CPUExecutionProvider"])
            self._detector.prepare(ctx_id=-1, det_thresh=0.5, input_size=(640, 640))
        except Exception as error:  # onnxruntime has many, and none that says more
            raise AssetError("bad_weights", f"InsightFace cannot load {models[-1]}: {error}", _HINT) from error

    def quick(self, image: np.ndarray) -> list[tuple[Region, float]]:
        boxes, points = self._detector.detect(np.ascontiguousarray(image[..., ::-1]))
        if points is None:
            raise AssetError("bad_weights", "this InsightFace detector gives no key points", _HINT)
        return [(_region(box, eyes), float(box[4])) for box, eyes in zip(boxes, points[:, :2], strict=True)]

    def thorough(self, image: np.ndarray) -> list[tuple[Region, float]]:
        return self.quick(image)

    def near(self, image: np.ndarray, region: Region) -> list[tuple[Region, float]]:
        return self.quick(image)

    def close(self) -> None:
        del self._detector


def _region(box: np.ndarray, eyes: np.ndarray) -> Region:
    across = eyes[1] - eyes[0]
    side = 1.4 * max(box[2] - box[0], box[3] - box[1])  # SCRFD's boxes end at the hairline and the chin
    return Region((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side, float(np.arctan2(across[1], across[0])))
