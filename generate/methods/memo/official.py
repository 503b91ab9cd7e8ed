"""MEMO's published files: what they are, and how they become ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ....core.checkpoint import named_tensors
from ...importing.official import Official
from .card import PUBLISHED
from .convert import network

FOLDERS = ("reference_net", "diffusion_net", "image_proj", "audio_proj", "misc/audio_emotion_classifier")
AUTOENCODERS = ("vae", "sd-vae-ft-mse")


def _convert(content: Mapping[str, Any], name: str, config: Mapping[str, Any]) -> tuple[str, nn.Module]:
    return network(named_tensors(content, name), config, name)


OFFICIAL = Official(
    name=PUBLISHED,
    source="memoavatar/memo a5aee30 (weights memoavatar/memo on Hugging Face)",
    files=tuple(
        f"{folder}/{file}.safetensors"
        for folder in (*FOLDERS, *AUTOENCODERS)
        for file in ("diffusion_pytorch_model", "model")
    ),
    hint="Name the folder of MEMO's authors, with reference_net, diffusion_net, image_proj, audio_proj and misc in it; "
    "put sd-vae-ft-mse (as vae) and wav2vec2-base-960h beside them.",
    convert=_convert,
    architecture="MEMO: latent diffusion with a reference network, audio modules and linear attention with memory",
    licences={
        "code": "Apache-2.0",
        "weights": "Apache-2.0, as the authors' repository; begun from Stable Diffusion 1.5 (Open RAIL-M)",
        "data": "HDTF, VFHQ, CelebV-HQ, MultiTalk, MEAD and more: mostly research only",
    },
    data=("HDTF", "VFHQ", "CelebV-HQ", "MultiTalk", "MEAD", "videos of the authors' own collection"),
    configured=True,
)
