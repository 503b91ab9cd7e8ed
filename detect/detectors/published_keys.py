"""From the names in published checkpoints to ours: `backbone.` and timm's name, `head.` for the last layer.

Each map takes every tensor or says which one it does not know, so that another file is never half used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ...core.checkpoint import HINT, named_tensors
from ...core.errors import AssetError

Rules = Iterable[tuple[str, str | None]]
CLIP: Rules = (  # Hugging Face's CLIPVisionTransformer → timm
    (r"embeddings\.class_embedding", "cls_token"),
    (r"embeddings\.patch_embedding\.weight", "patch_embed.proj.weight"),
    (r"embeddings\.position_embedding\.weight", "pos_embed"),
    (r"embeddings\.position_ids", None),
    (r"pre_layrnorm\.(.+)", r"norm_pre.\1"),
    (r"post_layernorm\.(.+)", r"norm.\1"),
    (r"encoder\.layers\.(\d+)\.layer_norm([12])\.(.+)", r"blocks.\1.norm\2.\3"),
    (r"encoder\.layers\.(\d+)\.mlp\.(.+)", r"blocks.\1.mlp.\2"),
    (r"encoder\.layers\.(\d+)\.self_attn\.out_proj\.(.+)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(weight|bias)", r"blocks.\1.attn.\2.\3"),
)
_STAGES = (2, 4, 4, 6, 6, 8, 2)  # blocks of EfficientNet-B4
_FIRST = {"_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}  # in its first stage, which does not expand
_LATER = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}
_EVERY = {"_depthwise_conv": "conv_dw", "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
_AROUND = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}


def xception(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """DeepfakeBench's Xception; ImageNet's own file has its pointwise kernels as matrices."""
    tensors = renamed(
        _plain(content),
        (
            (r"(?:backbone\.)?adjust_channel\..+", None),
            (r"backbone\.last_linear\.(?:1\.)?(weight|bias)", r"head.\1"),
            (r"backbone\.((?:conv|bn|block)\d+\..+)", r"backbone.\1"),
        ),
    )
    flat = re.compile(r"backbone\..*pointwise\.weight")
    return {name: t[..., None, None] if t.ndim == 2 and flat.fullmatch(name) else t for name, t in tensors.items()}


def sbi(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Self-blended images' EfficientNet-B4, as efficientnet_pytorch names it."""
    made = {}
    for name, tensor in _plain(content, "model").items():
        made[_efficientnet(name.removeprefix("net."))] = tensor
    return made


def _efficientnet(name: str) -> str:
    first, _, rest = name.partition(".")
    if first == "_fc":
        return f"head.{rest}"
    if first in _AROUND:
        return f"backbone.{_AROUND[first]}.{rest}"
    found = re.fullmatch(r"_blocks\.(\d+)\.(_\w+)\.(.+)", name)
    if found is None or int(found[1]) >= sum(_STAGES):
        raise _unknown(name)
    stage, block = 0, int(found[1])
    while block >= _STAGES[stage]:
        stage, block = stage + 1, block - _STAGES[stage]
    part = (_EVERY | (_LATER if stage else _FIRST)).get(found[2])
    if part is None:
        raise _unknown(name)
    return f"backbone.blocks.{stage}.{block}.{part}.{found[3]}"


def selimsef(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The EfficientNet-B7 that won the DFDC, with timm's names within."""
    rules = ((r"encoder\.classifier\..+", None), (r"encoder\.(.+)", r"backbone.\1"), (r"fc\.(.+)", r"head.\1"))
    return renamed(_plain(content, "state_dict"), rules)


def effort(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Effort's CLIP ViT-L/14: W = W_main + U diag(S) V of the residual; the rest of the decomposition is not used."""
    tensors = _plain(content)
    folded: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, _, part = name.rpartition(".")
        if part == "weight_main":
            missing = [each for each in ("U_residual", "S_residual", "V_residual") if f"{layer}.{each}" not in tensors]
            if missing:
                raise AssetError("bad_checkpoint", f"there is no {layer}.{missing[0]} in it", HINT)
            u, s, v = (tensors[f"{layer}.{each}"] for each in ("U_residual", "S_residual", "V_residual"))
            rank = s.numel()
            if (u.shape, s.shape, v.shape) != ((len(tensor), rank), (rank,), (rank, tensor.shape[-1])):
                message = f"{layer} is no decomposition: {[*u.shape]}, {[*s.shape]}, {[*v.shape]}"
                raise AssetError("bad_checkpoint", message, HINT)
            folded[f"{layer}.weight"] = tensor + u * s @ v
        elif not re.fullmatch(r"[USV]_(r|residual)", part):
            folded[name] = tensor
    return clip(folded, "backbone.", "head.")


def gend(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """GenD on CLIP ViT-L/14, as Hugging Face keeps it."""
    tensors = {
        name: t for name, t in _plain(content).items() if not name.startswith("feature_extractor.visual_projection")
    }
    return clip(tensors, "feature_extractor.vision_model.", "model.linear.")


def gend_pe(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """GenD on the Perception Encoder, which is timm's already."""
    rules = ((r"feature_extractor\.backbone\.(.+)", r"backbone.\1"), (r"model\.linear\.(weight|bias)", r"head.\1"))
    return renamed(_plain(content), rules)


MAPS: dict[str, Callable[[Mapping[str, Any]], dict[str, Tensor]]] = {
    "xception": xception,
    "sbi": sbi,
    "selimsef": selimsef,
    "effort": effort,
    "gend": gend,
    "gend-pe": gend_pe,
}


def clip(tensors: Mapping[str, Tensor], backbone: str, head: str) -> dict[str, Tensor]:
    """A CLIP vision tower and a linear head, each under its prefix; q, k and v become one matrix."""
    made = renamed(
        tensors,
        (
            (re.escape(head) + "(weight|bias)", r"head.\1"),
            *((re.escape(backbone) + rule, to and f"backbone.{to}") for rule, to in CLIP),
        ),
    )
    for name, rank in (("backbone.cls_token", 3), ("backbone.pos_embed", 3)):
        if name in made:
            made[name] = made[name].reshape((1,) * (rank - made[name].ndim) + tuple(made[name].shape))
    for name in [name for name in made if ".attn.q." in name]:
        parts = [made.pop(name.replace(".attn.q.", f".attn.{part}."), None) for part in "qkv"]
        if any(part is None for part in parts) or len({part.shape for part in parts if part is not None}) > 1:
            raise AssetError("bad_checkpoint", f"queries, keys and values of {name} do not belong together", HINT)
        made[name.replace(".attn.q.", ".attn.qkv.")] = torch.cat([part for part in parts if part is not None])
    return made


def renamed(tensors: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """Tensors under the name of the first rule that fits the whole of theirs; None drops one.

    Raises:
        AssetError: `bad_checkpoint` for a name that no rule knows, or two that become one.
    """
    known = [(re.compile(pattern), to) for pattern, to in rules]
    made: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        found = next(((fit, to) for pattern, to in known if (fit := pattern.fullmatch(name))), None)
        if found is None:
            raise _unknown(name)
        if found[1] is not None:
            new = found[0].expand(found[1])
            if new in made:
                raise AssetError("bad_checkpoint", f"there are two {new} in it", HINT)
            made[new] = tensor
    return made


def _plain(content: Mapping[str, Any], key: str | None = None) -> dict[str, Tensor]:
    """The state dict, which may lie under `key`, without the prefix of data-parallel training."""
    inner = content[key] if key is not None and key in content else content
    return {name.removeprefix("module."): tensor for name, tensor in named_tensors(inner, key or "the file").items()}


def _unknown(name: str) -> AssetError:
    return AssetError("bad_checkpoint", f"{name} in it is not of this network", HINT)
