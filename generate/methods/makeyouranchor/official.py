"""Make-Your-Anchor's published files: what they are, and how they become ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import nn

from ....core.checkpoint import HINT, named_tensors
from ....core.errors import AssetError
from ...importing.official import Official
from ...nets.ldm.official import autoencoder
from .convert import control, unet
from .convert_pictures import appearance, unconditional

INPUTS = {("body", "unet"): 4, ("body", "controlnet"): 4, ("head", "unet"): 9, ("head", "controlnet"): 4}
OTHERS = {"vae": autoencoder, "image_encoder": appearance, "text_encoder": unconditional}  # not of a person
INDIFFERENT = ("sample_size", "upcast_attention")  # options that change no number


def _convert(content: Mapping[str, Any], name: str, config: Mapping[str, Any]) -> tuple[str, nn.Module]:
    stage, _, kind = name.rpartition("/")[0].partition("/")
    if stage in OTHERS:
        return stage, OTHERS[stage](named_tensors(content, name), config, name)
    heads = config.get("attention_head_dim")  # so called in diffusers, for the sake of old files
    if not isinstance(heads, int) or not 0 < heads <= 64:
        raise AssetError("bad_checkpoint", f"{name}: its config.json tells no number of heads", HINT)
    build = unet if kind == "unet" else control
    net = build(named_tensors(content, name), name, heads=heads, clips=stage == "body")
    options = json.loads(json.dumps(dict(net.net.config)))  # as JSON has them
    other = [
        option
        for option, value in config.items()
        if option in options and option not in INDIFFERENT and not option.startswith("_") and options[option] != value
    ]
    if other:
        raise AssetError("bad_checkpoint", f"{name} was built with other options: {', '.join(other[:3])}", HINT)
    if net.params.inputs != INPUTS[stage, kind]:
        wanted = f"has {net.params.inputs} input channels, not the {INPUTS[stage, kind]} of the {stage}'s stage"
        raise AssetError("bad_checkpoint", f"{name} {wanted}", HINT)
    return f"{stage}-{kind}", net


OFFICIAL = Official(
    name="makeyouranchor-official",
    source="ICTMCG/Make-Your-Anchor da94dda",
    files=tuple(
        f"{folder}/{file}.{form}"
        for folder in (*map("/".join, INPUTS), *OTHERS)
        for file in ("diffusion_pytorch_model*", "pytorch_model", "model")
        for form in ("bin", "safetensors")
    ),
    hint="Name the folder of one person, with body/unet, body/controlnet, head/unet and head/controlnet in it, and vae "
    "and text_encoder of Stable Diffusion 1.5 and, as image_encoder, openai/clip-vit-base-patch32 beside them.",
    convert=_convert,
    architecture="Make-Your-Anchor: Stable Diffusion 1.5 and ControlNet, a pair for the body, one to repaint the head",
    licences={
        "code": "none stated by its authors",
        "weights": "none stated by its authors; they began as Stable Diffusion 1.5 (CreativeML Open RAIL-M)",
        "data": "none stated; meshes were fitted with SMPL-X, which is for non-commercial use",
    },
    data=("minutes of video of one person, and of others before", "Stable Diffusion 1.5 and its inpainting variant"),
    configured=True,
)
