"""Official checkpoints of IF-MDM's second stage under our names.

Source: ifmdm/ifmdm.github.io 4192501, a dictionary of `model`, `ema`, `opt` and `args`; no weights were ever published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from ....core.errors import AssetError
from ...nets.renaming import HINT, Table
from .model import IFMDMMotion
from .params import OFFICIAL, MotionParams

_SUBSTITUTIONS = (
    (r"^x_embedder\.mlp", "motion"),
    (r"^y_embedder\.mlp", "sound"),
    (r"^xx_embedder\.mlp", "mixed_motion"),
    (r"^yy_embedder\.mlp", "mixed_sound"),
    (r"^xy_embedder\.mlp", "mix"),
    (r"^t_embedder\.mlp", "time.layers"),
    (r"^x_hint_embedder\.mlp", "hint"),
    (r"^x_mean_embedder\.mlp", "mean"),
    (r"^x_std_embedder\.mlp", "spread"),
    (r"^blocks", "transformer.blocks"),
    (r"^final_layer\.linear", "transformer.out"),
    (r"^final_layer", "transformer"),
    (r"adaLN_modulation\.1", "modulation"),
    (r"attn\.qkv", "attention.qkv"),
    (r"attn\.proj", "attention.out"),
    (r"mlp\.fc1", "feed_forward.0"),
    (r"mlp\.fc2", "feed_forward.2"),
)


def official_weights(checkpoint: Mapping[str, Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
    """Official key → tensor of a checkpoint: its moving average, or the model where there is none."""
    return checkpoint.get("ema") or checkpoint.get("model") or {}


def variant(official: Mapping[str, Tensor]) -> tuple[str, MotionParams]:
    """Which of the official models a checkpoint is, by the shapes that it has.

    Raises:
        AssetError: `bad_checkpoint` if it is none.
    """
    depth = sum(bool(re.fullmatch(r"blocks\.\d+\.attn\.proj\.bias", key)) for key in official)
    entry, out = official.get("x_embedder.mlp.0.weight"), official.get("final_layer.linear.bias")
    if entry is not None and out is not None and (entry.ndim, out.ndim) == (2, 1):
        width, motion = entry.shape
        sizes = next(
            (name for name, blocks in OFFICIAL.items() if (blocks.width, blocks.depth) == (width, depth)), None
        )
        if sizes and len(out) in (motion, 2 * motion):
            usual = MotionParams(transformer=OFFICIAL[sizes], motion=motion)
            return sizes, replace(usual, diffusion=replace(usual.diffusion, learned_variance=len(out) > motion))
    raise AssetError("bad_checkpoint", "this is no second stage of IF-MDM", HINT)


def convert(official: Mapping[str, Tensor], model: IFMDMMotion, name: str = "IF-MDM") -> dict[str, Tensor]:
    """Our state dict from official keys; see `Table.convert` for errors. How much the data moved, it does not say."""
    table = Table(_SUBSTITUTIONS, constants=((r"^pos_embed$", model.tokens(model.params)[None]),))
    learned, statistics = model.state()
    return table.convert(official, learned, name) | statistics
