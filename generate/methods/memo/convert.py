"""MEMO's published networks under our names.

Source: memoavatar/memo a5aee30 (Apache-2.0); weights memoavatar/memo on Hugging Face: a folder for each network, with
`config.json` and one safetensors file; beside them the auto-encoder of Stable Diffusion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ....core.errors import AssetError
from ...nets.ldm.official import autoencoder
from ...nets.renaming import HINT, Table
from .configuration import audio_params, refuse_others, temporal_params, unet_params
from .memory import positions
from .model import DiffusionNet
from .params import EmotionParams, ImageProjectionParams, MemoParams
from .projections import AudioProjection, EmotionClassifier, ImageProjection
from .reference import ReferenceNet

DIFFUSION = (
    (r"audio_modules\.(\d+)\.transformer_blocks\.0", r"audio_modules.\1.block"),
    (r"class_embedder\.embedding_table", "emotion"),
    (r"adaLN_modulation\.1", "modulation"),
    (r"motion_modules\.(\d+)\.temporal_transformer", r"motion_modules.\1"),
    (r"(motion_modules\.\d+)\.transformer_blocks", r"\1.blocks"),
    (r"attention_blocks\.(\d+)", r"attentions.\1.attention"),
)
AUDIO = Table(((r"^proj1", "first"), (r"^proj2", "second"), (r"^proj3", "third")))
EMOTION = Table(((r"^layers\.fc(\d)", lambda found: f"layers.{int(found[1]) - 1}"),))
PLACES = "pos_encoder.pe"


def network(official: Mapping[str, Tensor], config: Mapping[str, Any], name: str) -> tuple[str, nn.Module]:
    """The network that some tensors are, by their keys: its stem, and the network in their precision.

    Args:
        official: official key → tensor.
        config: what `config.json` beside it says.
        name: what to call it in messages.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    with torch.device("meta"):  # sizes alone: the tensors are those of the file
        try:
            refuse_others(config)
            if "encoder.conv_in.weight" in official:
                return "vae", autoencoder(official, config, name)
            stem, net, table = _built(official, config)
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
            raise AssetError("bad_checkpoint", f"{name} is no network of MEMO: {error!r}", HINT) from error
    net.to(next(iter(official.values())).dtype)
    net.load_state_dict(table.convert(official, net.state_dict(), name), assign=True)
    return stem, net.eval()


def _built(official: Mapping[str, Tensor], config: Mapping[str, Any]) -> tuple[str, nn.Module, Table]:
    if "proj1.weight" in official:
        return "audio_proj", AudioProjection(audio_params(official)), AUDIO
    if "proj.weight" in official:
        context, (inner, identity) = len(official["norm.weight"]), official["proj.weight"].shape
        return "image_proj", ImageProjection(ImageProjectionParams(identity, inner // context, context)), Table(())
    if "layers.fc1.weight" in official:
        (width, features), depth = official["layers.fc1.weight"].shape, len(official) // 2
        return "emotion_classifier", EmotionClassifier(EmotionParams(features, width, depth)), EMOTION
    if any("motion_modules" in key for key in official):
        temporal = temporal_params(config["motion_module_kwargs"])
        params = MemoParams(unet_params(config), config.get("audio_attention_dim", 768), temporal)
        return "diffusion_net", DiffusionNet(params), diffusion_table(official)
    return "reference_net", ReferenceNet(unet_params(config)), Table(())


def diffusion_table(official: Mapping[str, Tensor]) -> Table:
    """Names of the diffusion network.

    Its positional encodings must be the ones we compute, as closely as the precision of the file can say.

    Raises:
        ValueError: if they are others.
    """
    for key, value in official.items():
        if key.endswith(PLACES):
            _, frames, width = value.shape
            wanted = positions(frames, width, value.float())[None]
            if not torch.allclose(value.float(), wanted, atol=torch.finfo(value.dtype).eps):
                raise ValueError(f"{key} is not the constant it should be")
    return Table(DIFFUSION, unused=(re.escape(PLACES) + "$",))
