"""What Make-Your-Anchor takes from others, as our networks: Stable Diffusion's auto-encoder and text tower, CLIP.

Sources: folders `vae` and `text_encoder` of Stable Diffusion 1.5; `openai/clip-vit-base-patch32`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ....core.errors import AssetError
from ...nets.renaming import HINT, Table
from .convert import filled, length
from .params import AppearanceParams, AutoencoderParams, TextParams, UnconditionalParams
from .pictures import Appearance, Autoencoder, Text, Unconditional

AUTOENCODER = Table(
    (
        (r"\.query\.", ".to_q."),  # as older files have it
        (r"\.key\.", ".to_k."),
        (r"\.value\.", ".to_v."),
        (r"\.proj_attn\.", ".to_out.0."),
        (r"^", "net."),
    )
)
TOWER = Table(((r"^(vision|text)_model\.", ""), (r"^", "net.")), unused=(r"position_ids$",))
LARGEST = 8192  # of sizes that a file tells: they bound the memory it asks for
START, END = 49406, 49407  # of a text, in CLIP's vocabulary


def autoencoder(official: Mapping[str, Tensor], config: Mapping[str, Any], name: str = "VAE") -> Autoencoder:
    """The auto-encoder of a `vae` folder.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    channels = tuple(length(official, f"encoder.down_blocks.{level}.resnets.0.conv1.bias", name) for level in range(4))
    latent, scale = length(official, "quant_conv.bias", name) // 2, config.get("scaling_factor", 0.18215)
    if not isinstance(scale, float) or not 0 < scale < 10 or any(count % 32 for count in channels):
        raise AssetError("bad_checkpoint", f"{name} is no auto-encoder of Stable Diffusion", HINT)
    return filled(lambda: Autoencoder(AutoencoderParams(channels, latent, scale)), official, name, AUTOENCODER)


def appearance(official: Mapping[str, Tensor], config: Mapping[str, Any], name: str = "CLIP") -> Appearance:
    """The picture tower of CLIP, from a file with or without the text tower; errors as of `autoencoder`."""
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
