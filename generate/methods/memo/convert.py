"""MEMO's published networks under our names.

Source: memoavatar/memo a5aee30 (Apache-2.0); weights memoavatar/memo on Hugging Face: a folder for each network, with
`config.json` and one safetensors file; beside them the auto-encoder of Stable Diffusion. What a configuration says is
read; where it asks for something that these networks do not do, it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ....core.errors import AssetError
from ...nets.ldm.unet import UNetParams
from ...nets.ldm.vae import VAE, VAEParams
from ...nets.renaming import HINT, Table
from .memory import positions
from .model import DiffusionNet
from .params import AudioProjectionParams, EmotionParams, ImageProjectionParams, MemoParams, TemporalParams
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
AUTOENCODER = Table(
    (
        (r"^", "net."),
        (r"\.query\.", ".to_q."),  # names of older versions of diffusers, which the published file has
        (r"\.key\.", ".to_k."),
        (r"\.value\.", ".to_v."),
        (r"\.proj_attn\.", ".to_out.0."),
    )
)
PLACES = "pos_encoder.pe"
MOST = 64  # heads, layers of a block, levels: they bound what a configuration can ask for
FIXED = {  # options of the official classes that are not options here
    "center_input_sample": False,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "act_fn": "silu",
    "norm_num_groups": 32,
    "use_linear_projection": False,
    "dual_cross_attention": False,
    "only_cross_attention": False,
    "resnet_time_scale_shift": "default",
    "mid_block_scale_factor": 1,
    "use_inflated_groupnorm": True,
    "unet_use_cross_frame_attention": False,
    "unet_use_temporal_attention": False,
}


def network(official: Mapping[str, Tensor], config: Mapping[str, Any], name: str) -> tuple[str, nn.Module]:
    """The network that some tensors are, by their keys: its stem, and the network in their precision.

    Args:
        official: official key → tensor.
        config: what `config.json` beside it says.
        name: what to call it in messages.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    for option, value in FIXED.items():
        if config.get(option, value) not in (value, None):
            raise AssetError("bad_checkpoint", f"{name} wants {option} {config[option]}, which is not known here", HINT)
    with torch.device("meta"):  # sizes alone: the tensors are those of the file
        try:
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
    if "encoder.conv_in.weight" in official:
        return "vae", VAE(vae_params(config)), AUTOENCODER
    if any("motion_modules" in key for key in official):
        temporal = temporal_params(config["motion_module_kwargs"])
        params = MemoParams(unet_params(config), config.get("audio_attention_dim", 768), temporal)
        return "diffusion_net", DiffusionNet(params), diffusion_table(official)
    return "reference_net", ReferenceNet(unet_params(config)), Table(())


def audio_params(official: Mapping[str, Tensor]) -> AudioProjectionParams:
    """Sizes of the projection of sound; states and layers cannot be told from its file: they are the official ones."""
    plain = AudioProjectionParams()
    (width, heard), audio = official["proj1.weight"].shape, len(official["norm.weight"])
    tokens, channels = len(official["proj3.bias"]) // audio, heard // (plain.window * plain.layers)
    return AudioProjectionParams(channels=channels, width=width, tokens=tokens, audio=audio)


def unet_params(config: Mapping[str, Any]) -> UNetParams:
    """Sizes of a U-Net from its configuration; what it leaves out is as in Stable Diffusion."""
    plain = UNetParams()
    return UNetParams(
        widths(config, plain.widths),
        few(config.get("layers_per_block", plain.depth)),
        few(config.get("attention_head_dim", plain.heads)),  # what diffusers calls so is the number of heads
        config.get("cross_attention_dim", plain.context),
        config.get("in_channels", plain.channels),
    )


def vae_params(config: Mapping[str, Any]) -> VAEParams:
    """Sizes of an `AutoencoderKL`."""
    plain = VAEParams()
    return VAEParams(
        widths(config, plain.widths),
        few(config.get("layers_per_block", plain.depth)),
        few(config.get("latent_channels", plain.channels)),
        config.get("scaling_factor", plain.scale),
    )


def temporal_params(options: Mapping[str, Any]) -> TemporalParams:
    """Sizes of the temporal modules from `motion_module_kwargs`.

    Raises:
        ValueError: for attention over anything but time.
    """
    kinds = options["attention_block_types"]
    if set(kinds) != {"Temporal_Self"}:
        raise ValueError(f"attention of the kinds {', '.join(kinds)}")
    return TemporalParams(
        blocks=few(options["num_transformer_block"]),
        attentions=few(len(kinds)),
        heads=few(options["num_attention_heads"]),
        narrowing=few(options.get("temporal_attention_dim_div", 1)),
        positions=options["temporal_position_encoding"],
    )


def few(count: Any) -> int:
    """A number that a configuration may give.

    Raises:
        ValueError.
    """
    if not isinstance(count, int) or not 0 < count <= MOST:
        raise ValueError(f"{count!r} is no number from 1 to {MOST}")
    return count


def widths(config: Mapping[str, Any], plain: tuple[int, ...]) -> tuple[int, ...]:
    """Channels of all levels; ValueError where they are none."""
    found = tuple(config.get("block_out_channels", plain))
    if few(len(found)) < 2 or not all(isinstance(width, int) and 0 < width <= MOST**2 for width in found):
        raise ValueError(f"levels of {found} channels")
    return found


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
