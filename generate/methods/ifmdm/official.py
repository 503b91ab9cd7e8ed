"""Checkpoints that IF-MDM's official training code writes, and how they become ours. No weights were ever published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ....core.checkpoint import HINT, named_tensors
from ....core.errors import AssetError
from ...importing.official import Official
from .convert import stage1
from .convert_motion import convert, official_weights, variant
from .model import IFMDMMotion


def _convert(content: Mapping[str, Any], name: str) -> tuple[str, nn.Module]:
    if "gen" in content:
        return "stage1", stage1(named_tensors(content["gen"], name), name)
    if not {"ema", "model"} & set(content):
        raise AssetError("bad_checkpoint", f"{name} is no checkpoint of IF-MDM", HINT)
    official = named_tensors(official_weights(content), name)
    _, params = variant(official)
    model = IFMDMMotion(params)
    model.load_state_dict(convert(official, model, name))
    return "stage2", model


OFFICIAL = Official(
    name="ifmdm-official",
    source="ifmdm/ifmdm.github.io 4192501, trained by whoever made the files",
    files=("*.pt",),
    hint="Name a folder with one checkpoint of train_stage1.py and one of train_stage2.py.",
    convert=_convert,
    architecture="IF-MDM: latent-warp auto-encoder with fill-in, motion diffusion transformer",
    licences={"code": "none given", "weights": "of whoever trained them", "data": "of whoever trained them"},
    data=("not said in the files; the paper's are CelebV-Text and HDTF",),
)
