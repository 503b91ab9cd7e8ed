"""What Make-Your-Anchor takes from others, as our networks: the two towers of CLIP.

Sources: folder `text_encoder` of Stable Diffusion 1.5; `openai/clip-vit-base-patch32`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ....core.errors import AssetError
from ...nets.ldm.official import filled, length
from ...nets.renaming import HINT, Table
from .params import AppearanceParams, TextParams, UnconditionalParams
from .pictures import Appearance, Text, Unconditional

TOWER = Table(((r"^(vision|text)_model\.", ""), (r"^", "net.")), unused=(r"position_ids$",))
LARGEST = 8192  # of sizes that a file tells: they bound the memory it asks for
START, END = 49406, 49407  # of a text, in CLIP's vocabulary


def appearance(official: Mapping[str, Tensor], config: Mapping[str, Any], name: str = "CLIP") -> Appearance:
    """The picture tower of CLIP, from a file with or without the text tower.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    config = config.get("vision_config", config)
    tower = {key: value for key, value in official.items() if key.startswith("vision_model.")}
    patch = length(tower, "vision_model.embeddings.patch_embedding.weight", name, 2)
    places = length(tower, "vision_model.embeddings.position_embedding.weight", name) - 1
    params = AppearanceParams(**_sizes(tower, config, name), picture=round(places**0.5) * patch, patch=patch)
    return filled(lambda: Appearance(params), tower, name, TOWER)


@torch.inference_mode()
def unconditional(
    official: Mapping[str, Tensor], config: Mapping[str, Any], name: str = "text encoder"
) -> Unconditional:
    """What a `text_encoder` makes of an empty text, padded to as many tokens as a picture has; errors as above."""
    words = length(official, "text_model.embeddings.token_embedding.weight", name)
    places = length(official, "text_model.embeddings.position_embedding.weight", name)
    tokens = UnconditionalParams.tokens
    if words <= END or places < tokens:
        raise AssetError("bad_checkpoint", f"{name} is no text encoder of Stable Diffusion", HINT)
    params = TextParams(**_sizes(official, config, name), words=words, places=places)
    text = filled(lambda: Text(params), official, name, TOWER)
    made = Unconditional(UnconditionalParams(tokens, params.width))
    made.tokens = text(torch.tensor([[START] + [END] * (tokens - 1)]))[0].clone()
    return made.eval()


def _sizes(tower: Mapping[str, Tensor], config: Mapping[str, Any], name: str) -> dict[str, int]:
    """What the transformers of both towers have in common."""
    key = next((key for key in tower if key.endswith("encoder.layers.0.mlp.fc1.weight")), "a transformer")
    inner, width = length(tower, key, name), length(tower, key, name, 1)
    depth = sum(bool(re.search(r"encoder\.layers\.\d+\.mlp\.fc1\.weight$", each)) for each in tower)
    told = config.get("num_attention_heads")
    heads = told if isinstance(told, int) and 0 < told <= 64 and not width % told else 0
    if not heads or max(inner, width) > LARGEST or config.get("hidden_act", "quick_gelu") != "quick_gelu":
        raise AssetError("bad_checkpoint", f"{name}: its config.json is not of a network of CLIP", HINT)
    return {"width": width, "inner": inner, "depth": depth, "heads": heads}
