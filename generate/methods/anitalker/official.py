"""AniTalker's published files: what they are, and how they become ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ....core.checkpoint import named_tensors
from ...importing.official import Official
from .convert import stage1
from .convert_motion import convert, official_weights, variant
from .model import AniTalkerMotion


def _convert(content: Mapping[str, Any], name: str) -> tuple[str, nn.Module]:
    tensors = named_tensors(content, name)
    if any(key.removeprefix("lia.").startswith("dec.") for key in tensors):
        return "stage1", stage1(tensors, name)
    official = official_weights(tensors)
    kind, params = variant(official)
    model = AniTalkerMotion(params)
    model.load_state_dict(convert(official, model, name))
    return f"stage2_{kind}", model


OFFICIAL = Official(
    name="anitalker-official",
    source="X-LANCE/AniTalker 738c562 (checkpoints taocode/anitalker_ckpts)",
    files=("stage1.ckpt", "stage2_*.ckpt"),
    hint="Name the folder with stage1.ckpt and one or more stage2_*.ckpt, as AniTalker's authors published them.",
    convert=_convert,
    architecture="AniTalker: latent-warp auto-encoder of 20 directions at 256 × 256, diffusion over a Conformer",
    licences={
        "code": "Apache-2.0",
        "weights": "Apache-2.0, as the authors' repository; the data's terms may bind further",
        "data": "VoxCeleb2 and HDTF: research only",
    },
    data=("VoxCeleb2", "HDTF"),
)
